"""Training: what transformers.Trainer needs from us, and the two things we train with it.

`finetune_causal` teaches a causal language model to answer, `adapt_encoder` fits a bi-encoder to a collection. Both
leave a folder that the libraries load without us, and both go on where a killed run stopped. Importing this package
imports neither torch nor transformers. No method's stages here: they call these functions.
"""

from engine.training.causal import ChatExample, SftConfig, finetune_causal
from engine.training.contrastive import AdaptConfig, Pair, adapt_encoder
from engine.training.launch import launch

__all__ = ["AdaptConfig", "ChatExample", "Pair", "SftConfig", "adapt_encoder", "finetune_causal", "launch"]
