"""Tool calls and reasoning for any engine: a model's raw text in, events out, and tools into its prompt in its own format.

Read ``format`` and ``formats_core`` (the table), ``parser`` (text to events), ``source`` (what is held back), the ``body_*`` files (one way of writing calls
each), then ``template``, ``probe`` and ``history`` (the way into the prompt). Nothing here knows HTTP or an engine.
"""
