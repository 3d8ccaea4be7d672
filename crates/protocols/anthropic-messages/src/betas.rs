//! Which beta features a request uses, as the header `anthropic-beta` names them.
//!
//! The names are those of <https://platform.claude.com/docs/en/api/beta-headers> and of the vendor's SDKs, as of November 2026.

use serde_json::Value;
use ultraai_core::{ChatRequest, MediaSource, Part};

use crate::{NAME, VENDOR};

/// The header's name.
pub(crate) const HEADER: &str = "anthropic-beta";

/// Where a request keeps what the header named.
const FIELD: &str = "betas";

/// Adds what the header names to those of the request.
pub(crate) fn add(named: &str, request: &mut ChatRequest) {
    let known = request.extra.remove(FIELD);
    let mut betas = match known {
        Some(Value::Array(list)) => list,
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![other],
    };
    betas.push(named.into());
    request.extra.insert(FIELD.to_owned(), betas.into());
}

/// Tools by the beginnings of their types.
const TOOLS: &[(&str, &str)] = &[
    ("code_execution_20250522", "code-execution-2025-05-22"),
    ("code_execution_20250825", "code-execution-2025-08-25"),
    ("computer_20241022", "computer-use-2024-10-22"),
    ("computer_20250124", "computer-use-2025-01-24"),
    ("computer_20251124", "computer-use-2025-11-24"),
    ("advisor_20260301", "advisor-tool-2026-03-01"),
    ("memory_20250818", "context-management-2025-06-27"),
    ("web_fetch_20250910", "web-fetch-2025-09-10"),
    ("mcp_toolset", "mcp-client-2025-11-20"),
];

/// The header's value: what was `set`, what stands in `extra.betas`, and what the request uses; `None` for nothing.
pub(crate) fn header(request: &ChatRequest, set: Option<&str>) -> Option<String> {
    let mut betas: Vec<&str> = set.into_iter().flat_map(|set| set.split(',').map(str::trim)).collect();
    let own = request.origin.is_none_or(|origin| origin == NAME);
    let extra = |key: &str| request.extra.get(key).filter(|value| own && !value.is_null());
    let given = match extra(FIELD) {
        Some(Value::Array(list)) => list.as_slice(),
        Some(text) => std::slice::from_ref(text),
        None => &[],
    };
    betas.extend(given.iter().filter_map(Value::as_str).flat_map(|betas| betas.split(',').map(str::trim)));
    let used = uses(request, extra);
    betas.extend(used);
    let mut distinct: Vec<&str> = Vec::with_capacity(betas.len());
    for beta in betas {
        if !beta.is_empty() && !distinct.contains(&beta) {
            distinct.push(beta);
        }
    }
    (!distinct.is_empty()).then(|| distinct.join(","))
}

fn uses<'a>(request: &'a ChatRequest, extra: impl Fn(&str) -> Option<&'a Value>) -> Vec<&'static str> {
    let mut betas = Vec::new();
    let tools = request.tools.iter().filter_map(|tool| tool.vendor.as_ref()?.data["type"].as_str());
    for kind in tools {
        betas.extend(TOOLS.iter().find(|(beginning, _)| kind.starts_with(beginning)).map(|(_, beta)| *beta));
    }
    if extra("mcp_servers").is_some() && !betas.contains(&"mcp-client-2025-11-20") {
        betas.push("mcp-client-2025-04-04");
    }
    let edits = extra("context_management").and_then(|context| context["edits"].as_array());
    for edit in edits.into_iter().flatten().filter_map(|edit| edit["type"].as_str()) {
        betas.push(match edit.starts_with("compact_") {
            true => "compact-2026-01-12",
            false => "context-management-2025-06-27",
        });
    }
    if extra("container").is_some_and(|container| container["skills"].is_array()) {
        betas.push("skills-2025-10-02");
    }
    if extra("speed").is_some() {
        betas.push("fast-mode-2026-02-01");
    }
    if extra("output_config").is_some_and(|output| output["task_budget"].is_object()) {
        betas.push("task-budgets-2026-03-13");
    }
    request.parts().for_each(|part| of_part(part, &mut betas));
    betas
}

fn of_part(part: &Part, betas: &mut Vec<&'static str>) {
    let file = "files-api-2025-04-14";
    match part {
        Part::Image(media) | Part::Document(media) if matches!(media.source, MediaSource::FileId(_)) => {
            betas.push(file);
        }
        Part::ToolResult(result) => result.content.iter().for_each(|part| of_part(part, betas)),
        Part::Vendor(state) if state.vendor == NAME || state.vendor == VENDOR => {
            match state.data["type"].as_str() {
                Some("container_upload") => betas.push(file),
                Some("tool_addition" | "tool_removal") => {
                    betas.push("mid-conversation-tool-changes-2026-07-01");
                }
                Some("compaction") => betas.push("compact-2026-01-12"),
                _ => {}
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use ultraai_core::{Media, Message, Role, Tool, ToolResult, VendorState};

    use super::*;

    #[test]
    fn the_header_names_what_is_set_and_what_is_used_once() {
        let mut request = ChatRequest::from_prompt("a");
        assert_eq!(header(&request, None), None);
        assert_eq!(header(&request, Some("a-1, b-2")).as_deref(), Some("a-1,b-2"));
        let image = Part::Image(Media::new(MediaSource::FileId("file_1".into())));
        let result = Part::ToolResult(ToolResult::new("1", vec![image.clone()]));
        request.messages.push(Message::new(Role::User, vec![image, result]));
        request.extra.insert("betas".into(), json!(["c-3", "a-1"]));
        request.extra.insert("mcp_servers".into(), json!([]));
        request
            .extra
            .insert("context_management".into(), json!({ "edits": [{ "type": "compact_20260112" }] }));
        let tool = json!({ "type": "computer_20250124", "name": "computer" });
        request.tools.push(Tool::of_vendor("computer", VendorState::new(NAME, tool)));
        let expected =
            "a-1,c-3,computer-use-2025-01-24,mcp-client-2025-04-04,compact-2026-01-12,files-api-2025-04-14";
        assert_eq!(header(&request, Some("a-1")).as_deref(), Some(expected));
        request.extra.insert("betas".into(), json!("c-3, d-4"));
        assert!(header(&request, None).unwrap().starts_with("c-3,d-4,computer"));
        add("e-5,c-3", &mut request);
        assert!(header(&request, None).unwrap().starts_with("c-3,d-4,e-5,computer"));
        request.origin = Some("openai-chat");
        request.tools.clear();
        assert_eq!(header(&request, None).as_deref(), Some("files-api-2025-04-14"));
    }
}
