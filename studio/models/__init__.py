"""Base models, adapters and memory profiles: what can be loaded, and the slot that holds what is loaded.

The registries (`registry`, `memory_profiles`), `hardware`, `given_paths` and the files of adapters (`adapter_files`,
`adapter_config`, `adapter_layers`, `adapter_fit`) import no torch, so a page may use them.
`loading`, `adapters`, `offloading`, `prompts` and `pipeline_slot` import torch and belong to the worker.
"""
