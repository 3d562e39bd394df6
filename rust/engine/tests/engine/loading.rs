//! The errors of function folders that don't load name the place and the reason.

use std::fs;

use engine::{Deployment, Error, Options, Target};

use crate::common::options;

fn load(files: &[(&str, &str)]) -> Result<Deployment, Error> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    for (path, source) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("it can be made");
        fs::write(path, source).expect("it can be written");
    }
    Deployment::open(Target::Memory, Options { functions: Some(folder.path().to_owned()), ..options() })
}

#[test]
fn a_module_that_does_not_load_is_named_with_its_line() {
    for (source, path, message) in [
        ("const a = 1;\nconst b: number = = 2;\n", "a/b.ts:2:19", "Unexpected token"),
        ("type A = number;\n\n\nthrow new Error(\"at import\" as string);\n", "a/b.ts:4:", "Error: at import"),
        (
            "interface X {}\n\nfunction f(): void {\n  undefinedName();\n}\nf();\n",
            "a/b.ts:4:",
            "ReferenceError: undefinedName",
        ),
        ("await new Promise(() => {});\n", "a/b.ts", "never finishes loading"),
        ("import \"./missing\";\n", "a/b.ts", "missing"),
        ("import { nothing } from \"../other\";\nnothing;\n", "a/b.ts", "nothing"),
        ("import \"engine/engine\";\n", "a/b.ts", "engine/engine"),
        ("import fs from \"fs\";\nfs;\n", "a/b.ts", "fs"),
        ("const a = 1;\nconst a = 2;\n", "a/b.ts:", "already been declared"),
    ] {
        let error = load(&[("a/b.ts", source), ("other.ts", "export const something = 1;\n")]).err().expect(source);
        let Error::Module { path: found, message: text } = &error else { panic!("{error:?}") };
        assert!(found.starts_with(path), "{source}: {found}: {text}");
        assert!(text.contains(message), "{source}: {found}: {text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn an_error_in_an_imported_module_names_that_one() {
    let error = load(&[("a.ts", "import \"./lib/b\";\n"), ("lib/b.ts", "\nthrow new Error(\"b\");\n")])
        .err()
        .expect("b throws");
    assert!(error.to_string().starts_with("lib/b.ts:2:"), "{error}");
}

#[test]
fn an_endless_import_ends() {
    let began = std::time::Instant::now();
    let error = load(&[("a.ts", "for (;;);\n")]).err().expect("it never loads");
    assert!(error.to_string().starts_with("a.ts: takes more than"), "{error}");
    assert!(began.elapsed().as_secs() < 20);
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = Deployment::open(Target::Memory, Options { functions: Some("/nowhere/convex".into()), ..options() });
    assert!(error.err().expect("it can't be read").to_string().starts_with("/nowhere/convex: "));
}

#[test]
fn declarations_that_are_left_out_are_named_with_their_place() {
    for (path, source, name) in [
        ("crons.ts", "import { cronJobs } from \"convex/server\";\nexport default cronJobs();\n", "cronJobs"),
        ("http.ts", "import { httpRouter } from \"convex/server\";\nexport default httpRouter();\n", "httpRouter"),
        (
            "http.ts",
            "import { httpAction } from \"./_generated/server\";\nexport const get = httpAction(async () => {});\n",
            "httpAction",
        ),
        (
            "schema.ts",
            "import { defineSchema, defineTable } from \"convex/server\";
             export default defineSchema({ notes: defineTable({}).searchIndex(\"by_text\", { searchField: \"t\" }) });\n",
            "searchIndex(\"by_text\")",
        ),
        ("a.ts", "import { components } from \"./_generated/api\";\nexport const c = components.agent;\n", "components.agent"),
        ("convex.config.ts", "import { defineApp } from \"convex/server\";\nexport default defineApp();\n", "components"),
        ("node.ts", "\"use node\";\nexport const x = 1;\n", "Node actions (\"use node\")"),
    ] {
        let error = load(&[(path, source)]).err().expect(path);
        let Error::Module { path: found, message } = &error else { panic!("{error:?}") };
        let expected = format!("{name}: the embedded deployment leaves it out; a Convex deployment has it.");
        assert!(found.starts_with(path) && message.contains(&expected), "{found}: {message}");
    }
}
