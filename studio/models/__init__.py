"""What can be loaded, on which memory, with which adapter.

The registries (`registry`, `profiles`), `hardware` and `adapter_files` are light: a page may import them.
`loading`, `adapters`, `memory`, `prompts` and `slot` import torch and belong to the worker.
"""
