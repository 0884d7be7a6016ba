"""A configured OpenAI-compatible server in place of a model on this machine; never used unless configured."""
