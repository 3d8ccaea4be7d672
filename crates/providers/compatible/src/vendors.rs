//! The table of vendors. A default model is one that the vendor's documentation names or that its recorded traffic has.

use ultraai_protocol_openai_chat::{Dialect, KeyHeader, ReasoningForm, ReasoningText};

/// What the vendors have in common that is not known of any address: none takes cache markers, another's details of reasoning
/// or a second word for the bound of an answer, unless its row says so.
const BASE: Dialect = Dialect {
    cache_control: false,
    reasoning_details: false,
    max_tokens_either: false,
    ..Dialect::COMPATIBLE
};

/// Reasoning in `reasoning`, both ways.
const REASONING: ReasoningText = ReasoningText::Field("reasoning");

/// The vendors, by name.
pub const VENDORS: &[Dialect] = &[
    Dialect {
        name: "azure.ai.openai",
        summary: "deployments at Azure OpenAI",
        base_url: None,
        base_url_example: "https://NAME.openai.azure.com/openai/v1",
        key_variables: &["AZURE_OPENAI_API_KEY"],
        key_header: KeyHeader::Own("api-key"),
        // The deployments' names are the user's own.
        default_model: None,
        ..Dialect::OPENAI
    },
    Dialect {
        name: "cerebras",
        summary: "open models on Cerebras' wafers",
        base_url: Some("https://api.cerebras.ai/v1"),
        key_variables: &["CEREBRAS_API_KEY"],
        default_model: Some("gpt-oss-120b"),
        // https://inference-docs.cerebras.ai/resources/openai: these are answered with 400.
        lacks: &["frequency_penalty", "presence_penalty", "images", "audio", "documents"],
        reasoning_text: REASONING,
        tool_images: false,
        video: false,
        ..BASE
    },
    Dialect {
        name: "compatible",
        summary: "any address that speaks OpenAI's chat completions",
        key_optional: true,
        ..Dialect::COMPATIBLE
    },
    Dialect {
        name: "deepseek",
        summary: "DeepSeek's models",
        base_url: Some("https://api.deepseek.com"),
        key_variables: &["DEEPSEEK_API_KEY"],
        default_model: Some("deepseek-chat"),
        // https://api-docs.deepseek.com/api/create-chat-completion: text alone.
        lacks: &["images", "audio", "documents", "n", "top_k"],
        reasoning: ReasoningForm::Thinking,
        tool_images: false,
        video: false,
        ..BASE
    },
    Dialect {
        name: "fireworks",
        summary: "open models at Fireworks",
        base_url: Some("https://api.fireworks.ai/inference/v1"),
        key_variables: &["FIREWORKS_API_KEY"],
        default_model: Some("accounts/fireworks/models/llama-v3p3-70b-instruct"),
        ..BASE
    },
    Dialect {
        name: "groq",
        summary: "open models on Groq's chips",
        base_url: Some("https://api.groq.com/openai/v1"),
        key_variables: &["GROQ_API_KEY"],
        default_model: Some("llama-3.3-70b-versatile"),
        // https://console.groq.com/docs/api-reference#chat-create: both, the older one deprecated.
        max_tokens_either: true,
        // https://console.groq.com/docs/openai: these are answered with 400.
        lacks: &["logprobs", "top_logprobs", "top_k", "n", "name", "audio", "documents"],
        reasoning_text: REASONING,
        tool_images: false,
        video: false,
        ..BASE
    },
    Dialect {
        name: "huggingface",
        summary: "open models behind Hugging Face's router",
        base_url: Some("https://router.huggingface.co/v1"),
        key_variables: &["HF_TOKEN"],
        ..BASE
    },
    Dialect {
        name: "llama-cpp",
        summary: "a local llama.cpp server",
        base_url: Some("http://localhost:8080/v1"),
        key_variables: &["LLAMA_API_KEY"],
        key_optional: true,
        // Its recorded traffic has the newer word, and its own pages name the older one.
        max_tokens_either: true,
        ..BASE
    },
    Dialect {
        name: "minimax",
        summary: "MiniMax' models",
        base_url: Some("https://api.minimax.io/v1"),
        key_variables: &["MINIMAX_API_KEY"],
        default_model: Some("MiniMax-M2"),
        ..BASE
    },
    Dialect {
        name: "mistral",
        semconv_name: Some("mistral_ai"),
        summary: "Mistral's models",
        base_url: Some("https://api.mistral.ai/v1"),
        key_variables: &["MISTRAL_API_KEY"],
        default_model: Some("mistral-small-latest"),
        seed_field: Some("random_seed"),
        // It refuses the field, and sends usage without being asked.
        stream_options: false,
        // https://docs.mistral.ai/api: these are not among its parameters, and it refuses what it does not know.
        lacks: &["logprobs", "top_logprobs", "top_k", "user", "service_tier"],
        reasoning_text: ReasoningText::Parts,
        document_url: true,
        video: false,
        ..BASE
    },
    Dialect {
        name: "moonshot",
        summary: "Moonshot's Kimi models",
        base_url: Some("https://api.moonshot.ai/v1"),
        key_variables: &["MOONSHOT_API_KEY"],
        default_model: Some("kimi-k2.6"),
        ..BASE
    },
    Dialect {
        name: "nvidia",
        summary: "open models at NVIDIA NIM",
        base_url: Some("https://integrate.api.nvidia.com/v1"),
        key_variables: &["NVIDIA_API_KEY"],
        default_model: Some("meta/llama-3.3-70b-instruct"),
        ..BASE
    },
    Dialect {
        name: "openrouter",
        summary: "many vendors' models behind OpenRouter",
        base_url: Some("https://openrouter.ai/api/v1"),
        key_variables: &["OPENROUTER_API_KEY"],
        default_model: Some("openai/gpt-4o"),
        // https://openrouter.ai/docs/api/reference/parameters, and its recorded traffic has both.
        max_tokens_either: true,
        reasoning: ReasoningForm::Object,
        reasoning_text: REASONING,
        reasoning_details: true,
        cache_control: true,
        document_addresses: true,
        ..BASE
    },
    Dialect {
        name: "perplexity",
        summary: "Perplexity's models, which search the web",
        base_url: Some("https://api.perplexity.ai"),
        key_variables: &["PERPLEXITY_API_KEY"],
        default_model: Some("sonar"),
        // It searches by itself and calls nobody's functions:
        // https://docs.pipecat.ai/api-reference/server/services/llm/perplexity.
        lacks: &["tools", "tool_choice", "parallel_tool_calls", "audio"],
        reasoning_text: ReasoningText::Nowhere,
        video: false,
        ..BASE
    },
    Dialect {
        name: "qwen",
        summary: "Qwen models at Alibaba Cloud",
        base_url: Some("https://dashscope-intl.aliyuncs.com/compatible-mode/v1"),
        key_variables: &["DASHSCOPE_API_KEY"],
        default_model: Some("qwen3-max"),
        reasoning: ReasoningForm::EnableThinking,
        cache_control: true,
        ..BASE
    },
    Dialect {
        name: "sambanova",
        summary: "open models on SambaNova's chips",
        base_url: Some("https://api.sambanova.ai/v1"),
        key_variables: &["SAMBANOVA_API_KEY"],
        default_model: Some("Meta-Llama-3.3-70B-Instruct"),
        ..BASE
    },
    Dialect {
        name: "together",
        summary: "open models at Together",
        base_url: Some("https://api.together.xyz/v1"),
        key_variables: &["TOGETHER_API_KEY"],
        default_model: Some("meta-llama/Llama-3.3-70B-Instruct-Turbo"),
        ..BASE
    },
    Dialect {
        name: "vllm",
        summary: "a local vLLM server",
        base_url: Some("http://localhost:8000/v1"),
        key_variables: &["VLLM_API_KEY"],
        key_optional: true,
        // https://docs.vllm.ai/en/latest/serving/openai_compatible_server: both, the older one deprecated.
        max_tokens_either: true,
        ..BASE
    },
    Dialect {
        name: "xai",
        semconv_name: Some("x_ai"),
        summary: "xAI's Grok models",
        base_url: Some("https://api.x.ai/v1"),
        key_variables: &["XAI_API_KEY"],
        default_model: Some("grok-4-fast"),
        // https://docs.x.ai/docs/api-reference#chat-completions: both, the older one deprecated.
        max_tokens_either: true,
        ..BASE
    },
    Dialect {
        name: "zai",
        summary: "Z.ai's GLM models",
        base_url: Some("https://api.z.ai/api/paas/v4"),
        key_variables: &["ZAI_API_KEY"],
        default_model: Some("glm-4.7-flash"),
        reasoning: ReasoningForm::Thinking,
        ..BASE
    },
];
