//! Ids of tool calls, which older servers do not give: made up from where the call stands, so that reading it again gives
//! the same one, and left out again where the call is written.

/// What every id that is made up here begins with; letters that every vendor takes in an id.
const PREFIX: &str = "ollama_";

/// What those begin with that a request was read with.
const OF_A_REQUEST: &str = "ollama_turn_";

/// The id of a call in an answer that was made at `created_at`, in the server's words, which differ from answer to answer.
pub(crate) fn of_an_answer(created_at: &str, index: u32) -> String {
    // FNV-1a: an id has to differ from others of the conversation and hides nothing.
    let hash = created_at.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{PREFIX}{hash:016x}_{index}")
}

/// The id of a call in the message `message` of a request.
pub(crate) fn of_a_request(message: usize, index: usize) -> String {
    format!("{OF_A_REQUEST}{message}_{index}")
}

/// Whether the id is none of the server's.
pub(crate) fn is_made_up(id: &str) -> bool {
    id.is_empty() || id.starts_with(PREFIX)
}

/// Whether the id was made up for a call or a result of a request.
pub(crate) fn is_of_a_request(id: &str) -> bool {
    id.starts_with(OF_A_REQUEST)
}
