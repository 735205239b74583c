"""What a vLLM server on a GPU does for this application: its promises checked, its speed measured.

On a machine with a GPU and vLLM in an environment of its own (BILLP_VLLM_PYTHON names its interpreter):

    python -m benchmarks.gpu.record calls.jsonl.xz
    python -m benchmarks.gpu.serve --model Qwen/Qwen2.5-7B-Instruct --calls calls.jsonl.xz --out results
    billp serve --model Qwen/Qwen2.5-7B-Instruct      # then, in another terminal, the application itself:
    BILLP_LLM_BASE_URL=http://127.0.0.1:8000/v1 BILLP_LLM_MODEL=Qwen/Qwen2.5-7B-Instruct \\
        python -m benchmarks.serving 16 2 1,4,16,32,64,128

`record` plays training episodes against an instant fake server and keeps the calls; it needs ml-100k with its
simulator, and no GPU. `serve` starts vLLM with the application's own flags, runs `checks` and `replay`, and stops it.
Where no weights of the wanted size are at hand, `shape` writes a model folder that has a size and no weights, for
`serve ... -- --load-format=dummy`: its words mean nothing, its speed is that of a model of this shape.
"""
