"""The SDKs' clients of the gateway."""

import anthropic
import openai
from harness import GATEWAY

# The SDKs' own retries are off where a case does not count them.
OPENAI = {"base_url": GATEWAY + "/v1", "api_key": "sk-test", "max_retries": 0, "timeout": 30}
ANTHROPIC = {"base_url": GATEWAY, "api_key": "sk-test", "max_retries": 0, "timeout": 30}

client = openai.OpenAI(**OPENAI)
claude = anthropic.Anthropic(**ANTHROPIC)

USER = [{"role": "user", "content": "What colour is the sky?"}]
