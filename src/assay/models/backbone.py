"""A net cut in two: the part that is frozen throughout, and the rest. What is frozen: `frozen.py`."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, fx, nn

from assay.models.freezing import Frozen
from assay.models.inspection import layers_of
from assay.models.pretrained import Head
from assay.models.sequential import Net
from assay.models.weights import hash_tensors


@dataclass(frozen=True)
class SplitModel:
    """front: images (N, C, H, W) to features (N, ...), which training never changes; back: features to logits.

    They share the modules and tensors of the net that they were cut from. The back is a Net of lines where it is the
    head alone.
    """

    front: fx.GraphModule
    back: nn.Module
    shape: tuple[int, ...]  # of the features of an image

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of what the front computes: its layers, how they are joined, its weights and statistics."""
        return hash_tensors(self.front.state_dict(), prefix=f"{self.front}\n{self.front.code}")


def cut(net: nn.Module, frozen: Frozen, shape: tuple[int, int, int]) -> SplitModel | None:
    """The two parts of a net for images (C, H, W), the front as long as it can be: up to the last place before the
    first layer ever trained that everything passes through. None where there is no such place, or the net's code does
    not let itself be traced (torch.fx).
    """
    if not frozen.keeps:
        return None
    training = net.training
    net.eval()
    try:
        graph = _Tracer(net).trace(net)
        at = _place(list(graph.nodes), frozenset(frozen.order[frozen.widest :]))
        if at is None:
            return None
        front, back = _split(net, graph, at)
        with torch.no_grad():
            features: Any = front(torch.zeros(2, *shape, device=next(net.parameters()).device))
    except Exception:  # tracing runs the net's own code with stand-ins for tensors, which may raise anything
        return None
    finally:
        net.train(training)
    if not isinstance(features, Tensor) or len(features) != 2:
        return None
    return SplitModel(front, _as_lines(back) or back, tuple(features.shape[1:]))


class _Tracer(fx.Tracer):
    """Looks into no layer, in the sense of `walk.py`."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.layers = {id(module) for module in layers_of(net).values()}

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return id(m) in self.layers or super().is_leaf_module(m, module_qualified_name)


def _place(nodes: list[fx.Node], trained: frozenset[str]) -> int | None:
    """The place of the last node before all trained layers whose value alone is used behind it."""
    order = {node: i for i, node in enumerate(nodes)}
    found, reach = None, 0
    for i, node in enumerate(nodes):
        if _layer(node) in trained:
            break
        if reach <= i and node.op.startswith("call_"):
            found = i
        if node.op != "get_attr":  # a parameter can be had on both sides
            reach = max([reach, *(order[user] for user in node.users)])
    return found


def _layer(node: fx.Node) -> str | None:
    """The layer that a node runs, or whose parameter it reads."""
    if node.op == "call_module":
        return str(node.target)
    return str(node.target).rpartition(".")[0] if node.op == "get_attr" else None


def _split(net: nn.Module, graph: fx.Graph, at: int) -> tuple[fx.GraphModule, fx.GraphModule]:
    nodes = list(graph.nodes)
    first, second = fx.Graph(), fx.Graph()
    copies: dict[fx.Node, fx.Node] = {}
    for node in nodes[: at + 1]:
        copies[node] = first.node_copy(node, copies.__getitem__)
    first.output(copies[nodes[at]])
    copies = {nodes[at]: second.placeholder("features")}

    def copied(node: fx.Node) -> fx.Node:
        if node not in copies:  # read in the front, and used here too
            copies[node] = second.node_copy(node)
        return copies[node]

    for node in nodes[at + 1 :]:
        copies[node] = second.node_copy(node, copied)
    return fx.GraphModule(net, first), fx.GraphModule(net, second)


def _as_lines(back: fx.GraphModule) -> Net | None:
    """The back as a Net, if it is the head alone; some libraries put layers behind it that do nothing."""
    calls = [node for node in back.graph.nodes if node.op not in ("placeholder", "output")]
    if any(node.op != "call_module" for node in calls):
        return None
    modules = [back.get_submodule(str(node.target)) for node in calls]
    doing = [module for module in modules if not isinstance(module, nn.Identity)]
    return as_lines(doing[0]) if len(doing) == 1 and isinstance(doing[0], Head) else None


def as_lines(head: Head) -> Net:
    """A head as a Net that shares its tensors, so that it runs and stacks as such nets do."""
    lines = [f"dropout {head.p:g}"] if head.p else []
    lines.append(f"linear {head.out_features}" + ("" if head.bias is not None else " nobias"))
    with torch.device("meta"):  # its own tensors are never used
        net = Net(lines, (head.in_features,), head.out_features)
    linear = net.layers[-1]
    linear.weight, linear.bias = head.weight, head.bias
    return net
