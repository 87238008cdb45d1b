"""The scheduler that a run walks with: Euler's steps of flow matching, which tell where they are heading."""

from __future__ import annotations

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import FlowMatchEulerDiscreteSchedulerOutput


class HeadingScheduler(FlowMatchEulerDiscreteScheduler):
    """Walks as `FlowMatchEulerDiscreteScheduler` does; `clean` is what the last step was heading for.

    The clean latents (b, c, h, w) that the model meant at that step, z - sigma v, in fp32. Told from two neighbouring
    latents of 16 bits they would be coarse: a short step hardly changes their last digits.
    """

    clean: torch.Tensor | None = None

    def step(
        self, model_output: torch.Tensor, timestep: torch.Tensor, sample: torch.Tensor, *, return_dict: bool = True
    ) -> FlowMatchEulerDiscreteSchedulerOutput | tuple[torch.Tensor]:
        """Take a step, as the class above."""
        stepped = super().step(model_output, timestep, sample, return_dict=return_dict)
        self.clean = sample.float() - self.sigmas[self.step_index - 1] * model_output.float()
        return stepped
