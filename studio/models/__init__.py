"""Base models, adapters and memory profiles: what can be loaded, and the slot that holds what is loaded.

The registries (`registry`, `profiles`), `hardware` and `adapter_files` are light: a page may import them.
`loading`, `adapters`, `memory`, `prompts` and `slot` import torch and belong to the worker.
"""
