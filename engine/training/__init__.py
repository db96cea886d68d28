"""Training: what transformers.Trainer needs from us, and the four things we train with it.

`finetune_causal` teaches a causal language model to answer, `adapt_encoder` fits a bi-encoder to a collection,
`train_cross_encoder` makes a reranker, `finetune_seq2seq` teaches a model to write one text of another. All leave a
folder that the libraries load without us, and all go on where a killed run stopped. Importing this package imports
neither torch nor transformers. No method's stages here: they call these functions.
"""

from engine.training.causal import ChatExample, SftConfig, finetune_causal
from engine.training.contrastive import AdaptConfig, Pair, adapt_encoder
from engine.training.launch import launch
from engine.training.reranking import CrossEncoderConfig, Group, train_cross_encoder
from engine.training.seq2seq import Example, Seq2SeqConfig, finetune_seq2seq
from engine.training.seq2seq_models import generate, load_seq2seq

__all__ = [
    "AdaptConfig",
    "ChatExample",
    "CrossEncoderConfig",
    "Example",
    "Group",
    "Pair",
    "Seq2SeqConfig",
    "SftConfig",
    "adapt_encoder",
    "finetune_causal",
    "finetune_seq2seq",
    "generate",
    "launch",
    "load_seq2seq",
    "train_cross_encoder",
]
