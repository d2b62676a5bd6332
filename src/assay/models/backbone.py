"""Splitting a net into the part that is frozen throughout, its backbone, and the rest, so that features can be cached.

What is frozen: `freezing.py`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, fx, nn

from assay.core.tensor_hash import hash_tensors
from assay.models.freezing import FreezePlan
from assay.models.head import Head
from assay.models.inspection import leaf_layers, run_black_images
from assay.models.sequential import Net


@dataclass(frozen=True)
class SplitModel:
    """backbone: images (N, C, H, W) to features (N, ...), never trained; head: features to logits.

    They share the modules and tensors of the original net. `head` is a Net of lines if it is the last layer alone.
    """

    backbone: fx.GraphModule
    head: nn.Module
    feature_shape: tuple[int, ...]  # for one image

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the backbone: its layers, their connections, weights and statistics."""
        return hash_tensors(self.backbone.state_dict(), f"{self.backbone}\n{self.backbone.code}")


def split_model(net: nn.Module, plan: FreezePlan, shape: tuple[int, int, int]) -> SplitModel | None:
    """The net for images (C, H, W) in two parts, the backbone as long as it can be.

    The split is at the last single value that everything passes through before the first trained layer. None if there
    is no such place, or torch.fx cannot trace the net's code.
    """
    if not plan.has_fixed_part:
        return None
    training = net.training
    net.eval()
    try:
        graph = _Tracer(net).trace(net)
        index = _split_index(list(graph.nodes), frozenset(plan.order[plan.first_trained :]))
        if index is None:
            return None
        backbone, head = _split_graph(net, graph, index)
        features: Any = run_black_images(backbone, shape)
    except Exception:  # tracing runs the net's own code with stand-ins for tensors, which may raise anything
        return None
    finally:
        net.train(training)
    if not isinstance(features, Tensor) or len(features) != 2:
        return None
    return SplitModel(backbone, _as_net(head) or head, tuple(features.shape[1:]))


def head_as_net(head: Head) -> Net:
    """A head as a Net that shares its tensors, so that it runs and stacks as such nets do."""
    lines = [f"dropout {head.p:g}"] if head.p else []
    lines.append(f"linear {head.out_features}" + ("" if head.bias is not None else " nobias"))
    with torch.device("meta"):  # the Net's own tensors are never used
        net = Net(lines, (head.in_features,), head.out_features)
    linear = net.layers[-1]
    linear.weight, linear.bias = head.weight, head.bias
    return net


class _Tracer(fx.Tracer):
    """Traces down to layers, as `leaf_layers` lists them, and not into them."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.layers = {id(module) for module in leaf_layers(net).values()}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return id(m) in self.layers or super().is_leaf_module(m, module_qualified_name)


def _split_index(nodes: list[fx.Node], trained_layers: frozenset[str]) -> int | None:
    """The last node before all trained layers whose value is the only one used behind it."""
    order = {node: i for i, node in enumerate(nodes)}
    index, last_use = None, 0
    for i, node in enumerate(nodes):
        if _layer_name(node) in trained_layers:
            break
        if last_use <= i and node.op.startswith("call_"):
            index = i
        if node.op != "get_attr":  # both parts can read a parameter
            last_use = max([last_use, *(order[user] for user in node.users)])
    return index


def _layer_name(node: fx.Node) -> str | None:
    """The layer that a node runs, or whose parameter it reads."""
    if node.op == "call_module":
        return str(node.target)
    return str(node.target).rpartition(".")[0] if node.op == "get_attr" else None


def _split_graph(net: nn.Module, graph: fx.Graph, index: int) -> tuple[fx.GraphModule, fx.GraphModule]:
    nodes = list(graph.nodes)
    first, second = fx.Graph(), fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in nodes[: index + 1]:
        copies[node] = first.node_copy(node, copies.__getitem__)
    first.output(copies[nodes[index]])
    copies = {nodes[index]: second.placeholder("features")}

    def copy_of(node: fx.Node) -> fx.Node:
        if node not in copies:  # a parameter that both parts read
            copies[node] = second.node_copy(node)
        return copies[node]

    for node in nodes[index + 1 :]:
        copies[node] = second.node_copy(node, copy_of)
    return fx.GraphModule(net, first), fx.GraphModule(net, second)


def _as_net(part: fx.GraphModule) -> Net | None:
    """The part as a Net if it is the head alone; some libraries put identities behind it."""
    calls = [node for node in part.graph.nodes if node.op not in ("placeholder", "output")]
    if any(node.op != "call_module" for node in calls):
        return None
    modules = [part.get_submodule(str(node.target)) for node in calls]
    layers = [module for module in modules if not isinstance(module, nn.Identity)]
    return head_as_net(layers[0]) if len(layers) == 1 and isinstance(layers[0], Head) else None
