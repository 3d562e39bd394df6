//! TypeScript to JavaScript: the types are taken out, nothing else changes.

use std::path::Path;

use oxc::{
    allocator::Allocator,
    codegen::Codegen,
    parser::Parser,
    semantic::SemanticBuilder,
    span::SourceType,
    transformer::{TransformOptions, Transformer},
};

use crate::error::{Error, Result};

/// The JavaScript of one source file; `path` names it in errors and tells its language by its ending.
pub(crate) fn strip_types(path: &str, source: &str) -> Result<String> {
    let failed = |message: String| Error::Module { path: path.to_owned(), message };
    let source_type = SourceType::from_path(Path::new(path)).map_err(|error| failed(error.to_string()))?;
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, source_type.with_module(true)).parse();
    if let Some(first) = parsed.diagnostics.first() {
        return Err(failed(format!("{:?}", first.clone().with_source_code(source.to_owned()))));
    }
    let mut program = parsed.program;
    let scoping = SemanticBuilder::new().build(&program).semantic.into_scoping();
    let transformed = Transformer::new(&allocator, Path::new(path), &TransformOptions::default())
        .build_with_scoping(scoping, &mut program);
    if let Some(first) = transformed.diagnostics.first() {
        return Err(failed(format!("{:?}", first.clone().with_source_code(source.to_owned()))));
    }
    Ok(Codegen::new().build(&program).code)
}
