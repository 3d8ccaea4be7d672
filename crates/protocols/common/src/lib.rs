#![doc = include_str!("../README.md")]

mod called;
mod fault;
mod fields;
mod function;
mod harmless;
mod json;
mod loose;
mod lossy;
mod media;
mod node;
mod object;
mod place;
mod request;
mod source;
mod splice;
mod status;
mod tier;
mod time;
mod vectors;
mod words;
mod write;

pub use self::{
    called::CalledTools,
    fault::{at_the_top, decode_error, in_band, is_fault, with_usage},
    fields::Fields,
    function::{FunctionCall, read_function_call, read_function_tools, write_function_tools},
    harmless::{is_harmless, is_harmless_of_tool, is_usual_tier},
    json::parse,
    loose::{Any, Number, Reader, Text},
    lossy::{Lossy, Spot, leave_out_thought},
    media::{MediaRule, from_base64, from_url, sniff, to_base64, to_data_url},
    object::{Key, Others, Unknown},
    place::{Entries, Place},
    request::{collision, model},
    source::Source,
    splice::Splice,
    status::status_of,
    tier::openai_tier,
    time::seconds_since_1970,
    vectors::{TaskWords, Vector, embedding_extra, embedding_model, nothing_found, texts, vector_to_base64},
    words::{Names, in_words},
    write::{Joined, ListWriter, ObjectWriter},
};

/// What the macros of this crate reach through it.
#[doc(hidden)]
pub mod __private {
    pub use serde::{
        Deserialize, Deserializer,
        de::{IgnoredAny, MapAccess, Visitor},
    };
}
