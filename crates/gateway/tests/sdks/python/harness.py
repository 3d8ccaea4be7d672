"""Cases: what they have in common, and how they are told to the test that runs them."""

import asyncio
import inspect
import json
import os
import sys
import time
import traceback
import urllib.request

GATEWAY = os.environ["ULTRAAI_GATEWAY"]
TOLD = os.environ["ULTRAAI_TOLD"]
ONLY = os.environ.get("ULTRAAI_SDKS_ONLY", "")

# The upstreams, by the names that the gateway's settings give them.
UPSTREAMS = ["chat", "responses", "anthropic", "gemini"]

TEXT = "The sky is blue."
# A picture of one point.
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

WEATHER = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}

CASES = []


def case(name, on=None):
    """A case, or one on each of some upstreams, whose name it is given."""

    def register(function):
        if on is None:
            CASES.append((name, function, ()))
        for upstream in on or []:
            CASES.append((f"{name} (on {upstream})", function, (upstream,)))
        return function

    return register


def fetch(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.load(answer)


def upstream_requests():
    """All requests that came to the upstream so far."""
    return fetch(TOLD + "/requests")


class Upstream:
    """What comes to the upstream while this is open."""

    def __enter__(self):
        self.before = len(upstream_requests())
        return self

    def __exit__(self, *_):
        return False

    @property
    def requests(self):
        return upstream_requests()[self.before :]

    @property
    def last(self):
        return self.requests[-1]["body"]


def open_connections():
    """Connections to the slow upstream."""
    return fetch(TOLD + "/open")


def wait_until(holds, what, limit=20):
    end = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < end, f"{what} after {limit} seconds"
        time.sleep(0.02)


def equal(found, expected, what=""):
    assert found == expected, f"{what}: {found!r} is not {expected!r}"


def raises(kind, call):
    """The error that `call` raises, which must be of exactly this class."""
    try:
        given = call()
    except Exception as error:
        assert type(error) is kind, f"{type(error).__name__} and not {kind.__name__}: {error}"
        return error
    raise AssertionError(f"no {kind.__name__}, but {given!r}")


def tell(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def run():
    for name, function, arguments in CASES:
        if ONLY not in name:
            continue
        try:
            done = function(*arguments)
            if inspect.isawaitable(done):
                asyncio.run(done)
        except Exception:
            tell(case=name, wrong=traceback.format_exc(limit=-4))
        else:
            tell(case=name)
    tell(ended=True)
