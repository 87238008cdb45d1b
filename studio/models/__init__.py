"""Base models, adapters and memory profiles: what can be loaded, and the slot that holds what is loaded.

The registries (`registry`, `memory_profiles`), `hardware` and `adapter_files` import no torch, so a page may use them.
`loading`, `adapters`, `offloading`, `prompts` and `pipeline_slot` import torch and belong to the worker.
"""
