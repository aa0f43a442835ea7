"""The compiler: sources, model, policy IR, passes and node plans.  `pipeline` is its table of contents."""
