"""LoopAttention in torch: IQuest-Coder-V1 Loop and its dense relatives."""
