"""Training: what transformers.Trainer needs from us, and the three things we train with it.

`finetune_causal` teaches a causal language model to answer, `adapt_encoder` fits a bi-encoder to a collection,
`train_cross_encoder` makes a reranker. All leave a folder that the libraries load without us, and all go on where a
killed run stopped. Importing this package imports neither torch nor transformers. No method's stages here: they call
these functions.
"""

from engine.training.causal import ChatExample, SftConfig, finetune_causal
from engine.training.contrastive import AdaptConfig, Pair, adapt_encoder
from engine.training.launch import launch
from engine.training.reranking import CrossEncoderConfig, Group, train_cross_encoder

__all__ = [
    "AdaptConfig",
    "ChatExample",
    "CrossEncoderConfig",
    "Group",
    "Pair",
    "SftConfig",
    "adapt_encoder",
    "finetune_causal",
    "launch",
    "train_cross_encoder",
]
