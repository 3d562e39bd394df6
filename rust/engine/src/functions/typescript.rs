//! TypeScript to JavaScript: removes the types, and changes nothing else but the layout.

use std::path::Path;

use oxc::{
    allocator::Allocator,
    codegen::{Codegen, CodegenOptions},
    diagnostics::OxcDiagnostic,
    parser::Parser,
    semantic::SemanticBuilder,
    span::SourceType,
    transformer::{TransformOptions, Transformer},
};

/// A source file's JavaScript, with a map to the source.
#[derive(Debug)]
pub(crate) struct JavaScript {
    pub(crate) code: String,
    /// The beginnings of each piece in `code` and in the source, in the order of `code`.
    map: Vec<(Place, Place)>,
}

/// A line and a column, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl JavaScript {
    /// The place in the source of a place in the code.
    pub(crate) fn source_of(&self, place: Place) -> Option<Place> {
        let after = self.map.partition_point(|(code, _)| *code <= place);
        Some(self.map[after.checked_sub(1)?].1)
    }
}

/// A source file that isn't TypeScript or JavaScript.
pub(crate) struct SyntaxError {
    /// The file's path, and line and column where they are known.
    pub(crate) place: String,
    pub(crate) message: String,
}

/// The JavaScript of one source file; `path` names it in errors and tells its language by its ending.
pub(crate) fn strip_types(path: &str, source: &str) -> Result<JavaScript, SyntaxError> {
    let failed = |diagnostic: &OxcDiagnostic| {
        let place = diagnostic.labels.first().map(|label| {
            let Place { line, column } = place_of(source, label.offset());
            format!(":{line}:{column}")
        });
        let help = diagnostic.help.as_ref().map(|help| format!(" ({help})"));
        SyntaxError {
            place: format!("{path}{}", place.unwrap_or_default()),
            message: format!("{}{}", diagnostic.message, help.unwrap_or_default()),
        }
    };
    let source_type = SourceType::from_path(Path::new(path))
        .map_err(|error| SyntaxError { place: path.to_owned(), message: error.to_string() })?;
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type.with_module(true)).parse();
    if let Some(first) = parsed.diagnostics.first() {
        return Err(failed(first));
    }
    let mut program = parsed.program;
    let checked = SemanticBuilder::new().with_check_syntax_error(true).build(&program);
    if let Some(first) = checked.diagnostics.first() {
        return Err(failed(first));
    }
    let scoping = checked.semantic.into_scoping();
    let transformed = Transformer::new(&allocator, Path::new(path), &TransformOptions::default())
        .build_with_scoping(scoping, &mut program);
    if let Some(first) = transformed.diagnostics.first() {
        return Err(failed(first));
    }
    let options = CodegenOptions { source_map_path: Some(path.into()), ..CodegenOptions::default() };
    let printed = Codegen::new().with_options(options).build(&program);
    let tokens = printed.map.as_ref().expect("the options ask for it").get_tokens();
    let map = tokens.map(|token| {
        let code = Place { line: token.get_dst_line() + 1, column: token.get_dst_col() + 1 };
        (code, Place { line: token.get_src_line() + 1, column: token.get_src_col() + 1 })
    });
    let map = map.collect();
    Ok(JavaScript { code: printed.code, map })
}

/// The place of a byte of a source.
fn place_of(source: &str, offset: u32) -> Place {
    let before = usize::try_from(offset).ok().and_then(|offset| source.get(..offset)).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Place { line: u32::try_from(line).unwrap_or(u32::MAX), column: u32::try_from(column).unwrap_or(u32::MAX) }
}
