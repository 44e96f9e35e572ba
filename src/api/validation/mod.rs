//! What checking a request by hand needs in any dialect: a list of everything that is wrong, each
//! with its place, and the fields of an object as the JSON text they were sent as. How a problem is
//! worded and shown is each dialect's own business.

mod metadata;
mod object;
mod parameters;
mod problems;

pub(crate) use metadata::{BadMetadata, CheckedMetadata, parse_metadata, parse_object_within};
pub(crate) use object::{
    NoObject, NoText, Raw, is_number, is_text, parse_array, parse_object, parse_text, present,
    request, unless_null,
};
pub(crate) use parameters::Parameters;
pub(crate) use problems::{Problems, Step};
