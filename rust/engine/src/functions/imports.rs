//! Where an import leads. The build script finds the modules that it runs in the same way.

/// The path in the folder that an import means, with its ending if it has one. Names that begin with a dot are relative to
/// the importing module, all others to the folder.
pub(crate) fn imported(base: &str, name: &str) -> String {
    let mut path: Vec<&str> = if name.starts_with('.') { base.split('/').collect() } else { Vec::new() };
    path.pop();
    for part in name.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(path.pop()),
            part => path.push(part),
        }
    }
    path.join("/")
}
