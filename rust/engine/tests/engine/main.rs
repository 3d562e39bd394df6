//! Deployments through their public API: the functions of `tests/functions` and the built-in ones on real storage.

mod auth;
mod commits;
mod common;
mod concurrency;
mod damage;
mod declared_tables;
mod javascript;
mod live;
mod loading;
mod nested;
mod queries;
mod replaced;
mod requests;
mod snapshots;
mod storage;
mod stuck;
mod system;
mod tidying;
mod transactions;
mod vector_search;
mod vectors;
