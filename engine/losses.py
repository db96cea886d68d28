"""Training losses as pure functions of tensors, named as in the papers. No model, no optimiser, no state.

Imported only where torch is already needed.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100  # a label that no loss counts, as everywhere in transformers


def info_nce(queries: Tensor, documents: Tensor, owners: Tensor, scale: float = 20.0) -> Tensor:
    """Symmetric InfoNCE with in-batch negatives: the mean of both directions' cross-entropies.

    `queries` and `documents` are (n, d), row i of one belonging to row i of the other; `owners` (n,) says which
    document a row is of, so that two queries of one document are not pushed away from it. With
    s_ij = scale * cos(q_i, d_j), and j in N(i) where owner_j != owner_i or j = i:

        L = -1/2n sum_i [ log exp(s_ii) / sum_{j in N(i)} exp(s_ij) + log exp(s_ii) / sum_{j in N(i)} exp(s_ji) ]

    van den Oord et al. 2018, eq. 4, both ways as in CLIP (Radford et al. 2021); what sentence-transformers calls
    MultipleNegativesSymmetricRankingLoss, plus the mask. 20 is its scale, a temperature of 0.05.
    """
    similarity = scale * functional.normalize(queries, dim=1) @ functional.normalize(documents, dim=1).T  # (n, n)
    same = owners[:, None] == owners[None, :]
    same.fill_diagonal_(False)
    similarity = similarity.masked_fill(same, float("-inf"))
    wanted = torch.arange(len(queries), device=queries.device)
    return (functional.cross_entropy(similarity, wanted) + functional.cross_entropy(similarity.T, wanted)) / 2


def localized_contrastive(scores: Tensor, total: int) -> Tensor:
    """Localized Contrastive Estimation: softmax cross-entropy within each query's own group, over `total` groups.

    `scores` (groups, documents) are a reranker's; column 0 is the document that answers, the others are negatives
    that the first retriever ranks high; -inf where a group has no more. `total` is the number of groups in the whole
    optimiser step, over all pieces and processes. Gao, Dai & Callan 2021 (Rethink Training of BERT Rerankers),
    eq. 4-5: L = 1/|Q| sum_q -log exp(s(q, d+)) / sum_{d in G_q} exp(s(q, d)).
    """
    wanted = torch.zeros(len(scores), dtype=torch.long, device=scores.device)
    return functional.cross_entropy(scores, wanted, reduction="sum") / total


def answer_nll(logits: Tensor, labels: Tensor, total: int) -> Tensor:
    """Cross-entropy of an answer's tokens, summed and divided by `total`.

    `logits` (batch, length, vocabulary) already stand one position before their `labels` (batch, length); labels of
    IGNORED do not count. `total` is the number of counted labels in the whole optimiser step, over all micro-batches
    and processes, so that accumulation gives the gradient of one large batch. SPIKE (Lee et al. 2025), section 3.2:
    L = -1/|A| sum_{t in A} log p(y_t | y_<t, document, prompt).
    """
    counted = labels != IGNORED  # in float32 only these: a prompt's logits may be gigabytes
    return functional.cross_entropy(logits[counted].float(), labels[counted], reduction="sum") / total


def entity_mass(attention: Tensor, entity: Tensor, valid: Tensor) -> Tensor:
    """(b,) rho, the share of all attention that one entity token receives, on average.

    `attention` (b, l, l) is that of one layer, mean over heads, row i what token i attends to; `entity` and `valid`
    (b, l) say which tokens belong to an entity and which are no padding. Only rows and columns of valid tokens count,
    so padding changes nothing. 0 where a text has no entity. PEARL's code: rho = mass / (n + 1e-8),
    mass = (sum_ij A_ij e_j) / (sum_ij A_ij).
    """
    real = valid.to(attention.dtype)
    kept = attention * real[:, :, None] * real[:, None, :]
    mine = entity.to(attention.dtype) * real
    mass = (kept * mine[:, None, :]).sum((1, 2)) / kept.sum((1, 2)).clamp(min=1e-8)
    return mass / (mine.sum(1) + 1e-8)


def entity_mass_regularisation(
    attention: Tensor, entity: Tensor, valid: Tensor, cap: float = 0.005, relative: bool = False
) -> Tensor:
    """(b,) EMR: -log(1 - relu(rho - cap)), for what `entity_mass` calls rho. 0 below the cap.

    The published cap is absolute, 0.005, and so below the uniform share 1 / l of every text of fewer than 200 tokens.
    With `relative` it is a multiple of the uniform share: cap / l, l the valid tokens.
    """
    rho = entity_mass(attention, entity, valid)
    limit = cap / valid.sum(1).clamp(min=1).to(rho.dtype) if relative else cap
    return -torch.log1p(-functional.relu(rho - limit))


def prefix_contrastive(
    queries: Tensor,
    positives: Tensor,
    negatives: Tensor,
    owners: Tensor,
    negative_owners: Tensor,
    temperature: float = 0.05,
    normalise: bool = False,
    masked: bool = False,
    weights: Tensor | None = None,
) -> Tensor:
    """(b,) PCL: -log softmax of each query's own positive among all positives and all negatives of the batch.

    All (b, d); query i's positive is row i. `owners` and `negative_owners` (b,) name the ids of positives and
    negatives. As published plain dot products over `temperature` are compared, and the same id twice in a batch is a
    false negative; `normalise` takes cosines, `masked` leaves other rows of the query's own id out. `weights` (b,)
    multiply query i's own negative in the denominator, for one that shares a longer prefix. PEARL's code, section 3.6.
    """
    if normalise:
        queries, positives, negatives = (functional.normalize(some, dim=1) for some in (queries, positives, negatives))
    near, far = queries @ positives.T / temperature, queries @ negatives.T / temperature  # (b, b) each
    if masked:
        same = owners[:, None] == owners[None, :]
        same.fill_diagonal_(False)
        near = near.masked_fill(same, float("-inf"))
        far = far.masked_fill(owners[:, None] == negative_owners[None, :], float("-inf"))
    if weights is not None:
        far = far + torch.diag(weights.log())
    return torch.logsumexp(torch.cat([near, far], dim=1), dim=1) - near.diagonal()
