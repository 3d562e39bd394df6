//! Document ids: a table number, sixteen bytes and a checksum, as text.
