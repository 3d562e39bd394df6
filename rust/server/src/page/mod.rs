//! The page at `/_mastra`: tables, threads, vectors, traces and functions, for people.
//!
//! These are plain HTML, CSS and JavaScript modules, part of the program. The page itself holds nothing of the data: it
//! asks its user for the admin key, and then reads as any client does, by system queries (`engine/src/system/`).

use axum::{
    Router,
    extract::Path,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};

use crate::routes::App;

/// The permissions of the page in a browser: run its own modules, and call the server it came from. Nothing else is loaded,
/// sent anywhere, or made of text, whatever a document holds; no other page can frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// The files, by name.
static FILES: [(&str, &str, &str); 15] = [
    ("", HTML, include_str!("index.html")),
    ("style.css", CSS, include_str!("style.css")),
    ("icon.svg", SVG, include_str!("icon.svg")),
    ("main.js", JAVASCRIPT, include_str!("main.js")),
    ("connection.js", JAVASCRIPT, include_str!("connection.js")),
    ("elements.js", JAVASCRIPT, include_str!("elements.js")),
    ("values.js", JAVASCRIPT, include_str!("values.js")),
    ("pages.js", JAVASCRIPT, include_str!("pages.js")),
    ("filters.js", JAVASCRIPT, include_str!("filters.js")),
    ("tables.js", JAVASCRIPT, include_str!("tables.js")),
    ("threads.js", JAVASCRIPT, include_str!("threads.js")),
    ("vectors.js", JAVASCRIPT, include_str!("vectors.js")),
    ("traces.js", JAVASCRIPT, include_str!("traces.js")),
    ("timeline.js", JAVASCRIPT, include_str!("timeline.js")),
    ("functions.js", JAVASCRIPT, include_str!("functions.js")),
];

/// The routes of the page. Its files are open: only the data needs the key.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/_mastra", get(|| async { Redirect::permanent("/_mastra/") }))
        .route("/_mastra/", get(|| async { file("") }))
        .route("/_mastra/{name}", get(|Path(name): Path<String>| async move { file(&name) }))
}

fn file(name: &str) -> Response {
    let Some((_, kind, text)) = FILES.iter().find(|(known, ..)| *known == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, *kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        // Another version of the server has other files.
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, *text).into_response()
}
