"""One run on one pipeline: a design encoded, a batch denoised, variations decoded and woven."""
