//! The table of errors: kind, code, sentences.

use std::fmt::Display;

use crate::{Kind, sentence::Sentence};

/// Writes [`Code`] from the table below: `Code: Kind, "sentence", …;`.
///
/// The engine writes the first sentence; the others are Convex's. A sentence after `unthrown` is so general that
/// functions may throw it. It counts only without `Uncaught Error:` before it, that is if the deployment itself says
/// it.
macro_rules! codes {
    ($(
        $(#[$doc:meta])*
        $code:ident: $kind:ident $(, $sentence:literal)* $(, unthrown $unthrown:literal)*;
    )*) => {
        /// The stable name of an error: Convex's, where it has one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $code,)*
        }

        impl Code {
            const ALL: &[Self] = &[$(Self::$code,)*];

            /// The name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => stringify!($code),)*
                }
            }

            /// The kind of the failure.
            #[must_use]
            pub fn kind(self) -> Kind {
                match self {
                    $(Self::$code => Kind::$kind,)*
                }
            }

            fn sentences(self) -> &'static [Sentence] {
                match self {
                    $(Self::$code => &[$(Sentence($sentence)),*],)*
                }
            }

            fn unthrown_sentences(self) -> &'static [Sentence] {
                match self {
                    $(Self::$code => &[$(Sentence($unthrown)),*],)*
                }
            }
        }
    };
}

codes! {
    /// A function threw an error that has no code of its own.
    Error: Function;
    /// A function threw a `ConvexError`; its data travels beside it.
    ConvexError: Application;

    // A call, before it runs and after.

    /// There is no such function, or the caller may not call it.
    FunctionNotFound: FunctionNotFound,
        "Could not find function for '{}'{.}",
        "Could not find public function for '{}'{.}";
    /// The function is of another kind.
    WrongFunctionType: Function, "Trying to execute {} as {}, but it is defined as {}.";
    /// The arguments don't match the function's validator.
    ArgumentValidationError: ArgumentValidation,
        "ArgumentValidationError: Object is missing the required field `{}`. {*}",
        "ArgumentValidationError: Object contains extra field `{}` that is not in the validator.{*}",
        "ArgumentValidationError: Value does not match validator.{*}",
        unthrown "ArgumentValidationError: {*}";
    /// The returned value doesn't match the function's validator.
    ReturnsValidationError: Function, unthrown "ReturnsValidationError: {*}";
    /// The function awaits a promise that nothing resolves.
    UnresolvedPromise: Function, "Returned promise will never resolve";
    /// Functions call each other too deep.
    FunctionCallDepthExceeded: Function,
        "Cross component call depth limit exceeded. Do you have an infinite loop in your app?";
    /// A function was called while a module loads.
    NoCall: Function;
    /// The deployment failed, not the function.
    InternalServerError: Function, "Your request couldn't be completed. Try again later.";

    // Limits.

    /// A transaction read too many documents.
    TooManyDocumentsRead: LimitExceeded, "Too many documents read in a single function execution (limit: {#}){.}";
    /// A transaction read too many bytes.
    TooManyBytesRead: LimitExceeded, "Too many bytes read in a single function execution (limit: {#} bytes){.}";
    /// A transaction read too many index ranges.
    TooManyReads: LimitExceeded, "Too many reads in a single function execution (limit: {#}){.}";
    /// A transaction wrote too many documents.
    TooManyWrites: LimitExceeded, "Too many writes in a single function execution (limit: {#}){.}";
    /// A transaction wrote too many bytes.
    TooManyBytesWritten: LimitExceeded, "Too many bytes written in a single function execution (limit: {#} bytes){.}";
    /// The requested page is too large.
    PageSizeTooLarge: LimitExceeded, "A page may have {#} documents, and {#} were asked for.";
    /// A document nests too deep, or has a field that only the system sets.
    InvalidDocumentError: Function,
        "Value{at} is too nested (nested {#} levels deep > maximum nesting 16)";
    /// A value is too large.
    ValueTooLargeError: LimitExceeded,
        "Value is too large ({} > maximum size {})",
        "Arguments for {} are too large (actual: {}, limit: {})",
        "Node actions arguments size is too large. The maximum allowed size is {}.",
        "Function {} return value is too large (actual: {}, limit: {})";
    /// An array is too long.
    ArrayTooLongError: LimitExceeded, "Array length{at} is too long ({#} > maximum length {#})";
    /// A value nests too deep.
    TooNestedError: LimitExceeded, "Value{at} is too nested (nested {#} levels deep > maximum nesting {#})";
    /// An object has too many fields.
    TooManyFieldsError: LimitExceeded, "Object{at} has too many fields ({#} > maximum number {#})";
    /// A function took too long.
    FunctionTimeout: LimitExceeded,
        "Function execution timed out (maximum duration: {})",
        "Action `{}` execution timed out (maximum duration {})",
        "Your request timed out performing too many system operations.";
    /// A function took too much memory.
    OutOfMemory: LimitExceeded,
        "JavaScript execution ran out of memory (maximum memory usage: {})",
        "Node.js action execution ran out of memory (maximum memory usage: {})";
    /// A vector search asks for too many results.
    VectorLimitTooLargeError: LimitExceeded, "Vector queries can fetch at most {#} results, requested {}.";
    /// The filter of a vector search has too many conditions.
    TooManyElementsInVectorQueryError: LimitExceeded,
        "Vector query against {} has too many conditions. Max: {#} Actual: {#}";
    /// The results of a socket's queries are too large together.
    TooManyBytesInQuerySet: Function;

    // Documents.

    /// A document doesn't match the schema.
    SchemaEnforcementError: Schema,
        "Failed to insert or update a document in table \"{}\" because it does not match the schema: {*}";
    /// A table is already declared in another way.
    SchemaConflict: Schema;
    /// The schema is invalid.
    InvalidSchema: Schema;
    /// The schema lacks a table.
    TableNotDeclared: Schema;
    /// A table that should be empty has documents.
    TableExists: AlreadyExists,
        "table {} holds documents that the snapshot doesn't have",
        unthrown "Table {} already exists{.}",
        unthrown "Hit an error while importing:\nTable {} already exists{.}";
    /// The number of a table is another table's.
    TableNumberTaken: AlreadyExists;
    /// Other writers kept changing what the mutation read.
    OptimisticConcurrencyControlFailure: WriteConflict,
        "Documents read from or written to the \"{}\" table changed while this mutation was being run and on every \
         subsequent retry{.}",
        "Documents read from or written to the table \"{}\" changed while this mutation was being run and on every \
         subsequent retry{.}";
    /// The document to change doesn't exist.
    NonexistentDocument: Function, "{} on nonexistent document ID {}";
    /// An id is given twice in a list where each may be given once.
    DuplicateId: Function;
    /// A text isn't an id.
    InvalidId: Function;
    /// An id is another table's.
    InvalidTable: Function;
    /// A text can't name a table.
    InvalidTableName: Function;
    /// A text can't name a field.
    InvalidFieldNameError: Function;
    /// A function sets a field that only the system sets.
    SystemField: Function;
    /// A query writes.
    ReadOnly: Function;
    /// There is no database here, as in an action.
    NoDatabase: Function;

    // Queries.

    /// There is no index of this name.
    IndexNotFoundError: Function, "Index {} not found.";
    /// An index is staged: no query may use it yet.
    IndexStagedError: Function;
    /// An index has no such field.
    FieldNotInIndex: Function;
    /// The conditions on an index don't make a range of it.
    InvalidIndexRange: Function;
    /// A range has two bounds on one side.
    AlreadyDefinedBound: Function;
    /// A range has bounds on several fields.
    BoundsOnMultipleFields: Function;
    /// A filter's condition can't be computed.
    InvalidFilter: Function;
    /// A cursor belongs to another query, or is invalid.
    InvalidCursor: Function, "InvalidCursor: {*}", "Failed to parse cursor";
    /// A function reads two pages.
    MultiplePaginatedDatabaseQueries: Function,
        "This query or mutation function ran multiple paginated queries. \
         Convex only supports a single paginated query in each function.";

    // Vector search.

    /// The dimensions of a vector index are invalid.
    InvalidVectorDimensionError: Function;
    /// The query vector is invalid.
    InvalidVectorQuery: Function;
    /// The query vector has another length than the index's vectors.
    VectorDimensionsMismatch: Function, "Expected a vector with dimensions {#}, received {#}.";
    /// The index has no such filter field.
    IncorrectVectorFilterField: Function;
}

/// The text that Convex writes before a sentence about a function's arguments or value: a text, the function's path, a
/// text.
const OPENINGS: [(&str, &str); 2] = [("Function ", " return value invalid: "), ("Invalid arguments for ", ": ")];

impl Code {
    /// The code's first sentence with values in its places, in order.
    ///
    /// # Panics
    ///
    /// The code has no sentence, or it has more or fewer places.
    #[must_use]
    pub fn says(self, values: &[&dyn Display]) -> String {
        self.sentences().first().expect("a code with a sentence").with(values)
    }

    /// The code of a text that is a sentence of the table. `is_thrown` says that `Uncaught Error:` came before the
    /// text.
    pub(crate) fn of_text(text: &str, is_thrown: bool) -> Option<Self> {
        let about = OPENINGS.iter().find_map(|(begin, end)| {
            let (path, about) = text.strip_prefix(begin)?.split_once(end)?;
            (!path.contains(char::is_whitespace)).then_some(about)
        });
        let is_said = |sentence: &Sentence| sentence.is(text) || about.is_some_and(|about| sentence.is(about));
        Self::ALL.iter().copied().find(|code| {
            code.sentences().iter().any(is_said) || (!is_thrown && code.unthrown_sentences().iter().any(is_said))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts of a Convex deployment, without the line above them, and those of the engine.
    const TEXTS: &[(Code, &str)] = &[
        (Code::FunctionNotFound, "Could not find public function for 'a:b'."),
        (Code::FunctionNotFound, "Could not find function for 'a:b'. Did you forget to run `npx convex dev`?"),
        (Code::WrongFunctionType, "Trying to execute a.js:b as Mutation, but it is defined as Query."),
        (
            Code::ArgumentValidationError,
            "ArgumentValidationError: Value does not match validator.\nPath: .s\nValue: 5.0\nValidator: v.string()",
        ),
        (
            Code::ArgumentValidationError,
            "ArgumentValidationError: Object is missing the required field `s`. Consider wrapping it.\n\nObject: {}",
        ),
        (
            Code::ArgumentValidationError,
            "ArgumentValidationError: Object contains extra field `z` that is not in the validator.\n\nObject: {z: 1.0}",
        ),
        (Code::UnresolvedPromise, "Returned promise will never resolve"),
        (
            Code::FunctionCallDepthExceeded,
            "Cross component call depth limit exceeded. Do you have an infinite loop in your app?",
        ),
        (
            Code::TooManyDocumentsRead,
            "Too many documents read in a single function execution (limit: 32000). Read less.",
        ),
        (Code::TooManyBytesRead, "Too many bytes read in a single function execution (limit: 16777216 bytes)."),
        (Code::TooManyReads, "Too many reads in a single function execution (limit: 4096)"),
        (Code::TooManyWrites, "Too many writes in a single function execution (limit: 16000)"),
        (Code::TooManyBytesWritten, "Too many bytes written in a single function execution (limit: 16777216 bytes)"),
        (Code::PageSizeTooLarge, "A page may have 32000 documents, and 32001 were asked for."),
        (Code::ValueTooLargeError, "Value is too large (1.91 MiB > maximum size 1 MiB)"),
        (Code::ValueTooLargeError, "Function a.js:b return value is too large (actual: 16.21 MiB, limit: 16 MiB)"),
        (Code::ValueTooLargeError, "Arguments for a.js:b are too large (actual: 16.21 MiB, limit: 16 MiB)"),
        (Code::ValueTooLargeError, "Node actions arguments size is too large. The maximum allowed size is 5 MiB."),
        (Code::TableExists, "table users holds documents that the snapshot doesn't have"),
        (Code::ArrayTooLongError, "Array length is too long (8193 > maximum length 8192)"),
        (Code::ArrayTooLongError, "Array length at `a[1]` is too long (8193 > maximum length 8192)"),
        (
            Code::ArrayTooLongError,
            "Function a.js:b return value invalid: Array length is too long (9 > maximum length 8)",
        ),
        (Code::TooNestedError, "Value is too nested (nested 65 levels deep > maximum nesting 64)"),
        (
            Code::TooNestedError,
            "Invalid arguments for a.js:b: Value is too nested (nested 65 levels deep > maximum nesting 64)",
        ),
        (Code::InvalidDocumentError, "Value is too nested (nested 17 levels deep > maximum nesting 16)"),
        (Code::TooManyFieldsError, "Object has too many fields (1025 > maximum number 1024)"),
        (Code::FunctionTimeout, "Function execution timed out (maximum duration: 1s)"),
        (Code::FunctionTimeout, "Action `a:b` execution timed out (maximum duration 600s)"),
        (Code::OutOfMemory, "JavaScript execution ran out of memory (maximum memory usage: 64 MB)"),
        (Code::OutOfMemory, "Node.js action execution ran out of memory (maximum memory usage: 512 MB)"),
        (Code::VectorLimitTooLargeError, "Vector queries can fetch at most 256 results, requested 257."),
        (
            Code::TooManyElementsInVectorQueryError,
            "Vector query against a.b has too many conditions. Max: 64 Actual: 65",
        ),
        (
            Code::SchemaEnforcementError,
            "Failed to insert or update a document in table \"a\" because it does not match the schema: Value does not \
             match validator.\nPath: .text\nValue: 5.0\nValidator: v.string()",
        ),
        (
            Code::OptimisticConcurrencyControlFailure,
            "Documents read from or written to the \"a\" table changed while this mutation was being run and on every \
             subsequent retry. Another call to this mutation changed the document with ID \"b\".",
        ),
        (Code::NonexistentDocument, "Delete on nonexistent document ID j57"),
        (Code::IndexNotFoundError, "Index notes.by_nope not found."),
        (Code::InvalidCursor, "Failed to parse cursor"),
        (
            Code::MultiplePaginatedDatabaseQueries,
            "This query or mutation function ran multiple paginated queries. Convex only supports a single paginated \
             query in each function.",
        ),
        (Code::VectorDimensionsMismatch, "Expected a vector with dimensions 3, received 2."),
    ];

    #[test]
    fn a_text_of_convex_has_its_code_thrown_or_not() {
        for (code, text) in TEXTS {
            for is_thrown in [false, true] {
                assert_eq!(Code::of_text(text, is_thrown), Some(*code), "{text:?}");
            }
        }
    }

    #[test]
    fn a_general_sentence_counts_only_where_it_was_not_thrown() {
        for (code, text) in [
            (Code::ArgumentValidationError, "ArgumentValidationError: the e-mail is wrong"),
            (Code::TableExists, "Table users already exists. Choose another."),
            (Code::TableExists, "Hit an error while importing:\nTable users already exists. Choose another."),
            (Code::ReturnsValidationError, "ReturnsValidationError: Value does not match validator.\nPath: .a"),
        ] {
            assert_eq!(Code::of_text(text, false), Some(code), "{text:?}");
            assert_eq!(Code::of_text(text, true), None, "{text:?}");
        }
    }

    #[test]
    fn a_sentence_that_is_written_is_read_as_its_own_code() {
        for code in Code::ALL.iter().filter(|code| !code.sentences().is_empty()) {
            for sentence in code.sentences() {
                let places = ["{}", "{#}", "{at}", "{*}"].iter().map(|place| sentence.0.matches(place).count()).sum();
                let values: Vec<&dyn Display> = vec![&7; places];
                let text = sentence.with(&values).replace("Value7", "Value").replace("length7", "length");
                let text = text.replace("Object7 has", "Object has");
                assert_eq!(Code::of_text(&text, true), Some(*code), "{text:?}");
            }
        }
    }

    #[test]
    fn names_are_those_that_the_table_has() {
        assert_eq!(Code::TooManyReads.name(), "TooManyReads");
        assert_eq!(Code::TooManyReads.kind(), Kind::LimitExceeded);
        assert_eq!(Code::Error.kind(), Kind::Function);
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
    }

    #[test]
    fn the_first_sentence_is_the_one_that_is_written() {
        let text = Code::TooManyReads.says(&[&4096]);
        assert_eq!(text, "Too many reads in a single function execution (limit: 4096).");
    }

    #[test]
    fn a_path_within_an_opening_has_no_blanks() {
        let text = "Function that fails return value invalid: Array length is too long (9 > maximum length 8)";
        assert_eq!(Code::of_text(text, true), None);
    }
}
