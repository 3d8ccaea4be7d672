"""Runs every case: those on the test's own upstream, or those on mock servers that others wrote."""

import os

import harness

if os.environ.get("ULTRAAI_SUITE") == "mock servers":
    import mock_servers  # noqa: F401
else:
    import access_keys  # noqa: F401
    import anthropic_messages  # noqa: F401
    import besides  # noqa: F401
    import errors  # noqa: F401
    import langchain_models  # noqa: F401
    import openai_chat  # noqa: F401
    import openai_responses  # noqa: F401
    import specification  # noqa: F401

harness.run()
