//! Row images and the values in them.
//!
//! A table map says which type each column has ([`ColumnType`], [`Column`]); from that follows how
//! long each value is ([`RowLayout`]), and with it a rows event falls apart into images
//! ([`RowImage`]) without a single value being decoded. The value of a [`Cell`] is decoded when it
//! is asked for ([`Value`]).

pub mod bit;
pub mod column;
pub mod columns;
pub mod compressed;
pub mod decimal;
pub mod enum_set;
mod field;
pub mod float;
pub mod geometry;
pub mod image;
pub mod integer;
pub mod json;
mod json_container;
pub mod json_diff;
mod json_path;
pub mod json_text;
mod json_tree;
pub mod layout;
pub mod plugin;
pub mod temporal;
pub mod temporal_hires;
pub mod temporal_old;
pub mod text;
pub mod value;
pub mod vector;

pub use column::ColumnType;
pub use columns::{Column, Columns, KeyPart};
pub use image::{Cell, RowImage};
pub use layout::RowLayout;
pub use value::Value;
