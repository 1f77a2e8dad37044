/** The nodes of a run as a table: the picture in words, to be sorted by time or status. */

import { Component } from "preact";
import { useState } from "preact/hooks";
import type { NodeShape, RunShape } from "./api";
import { counted, sign, word } from "./format";
import { useNow } from "./hooks";
import type { Key } from "./order";
import { sorted, took } from "./order";

export function NodeTable({ view, choose }: { view: RunShape; choose: (id: string) => void }) {
  const [{ by, down }, sort] = useState<{ by: Key; down: boolean }>({ by: "order", down: false });
  const now = useNow(view.nodes.some((n) => n.status === "running" || n.status === "waiting"));
  const press = (key: Key) => sort({ by: key, down: by === key && !down });
  const heading = { by, down, press };
  return (
    <div class="aether-scroll" role="region" aria-label="Nodes" tabIndex={0}>
      <table class="aether-table">
        <thead>
          <tr>
            <Heading of="order" text="Node" {...heading} />
            <Heading of="status" text="Status" {...heading} />
            <Heading of="attempt" text="Attempts" number {...heading} />
            <Heading of="time" text="Time" number {...heading} />
          </tr>
        </thead>
        <tbody>
          {sorted(view.nodes, by, down, now).map((node) => (
            <Row key={node.id} node={node} time={took(node, now)} depth={by === "order" ? depth(node) : 0} choose={choose} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const depth = (node: NodeShape): number => (node.parent === "" ? 0 : node.parent.split("/").length);

interface Sorting {
  of: Key;
  text: string;
  number?: boolean;
  by: Key;
  down: boolean;
  press: (key: Key) => void;
}

function Heading({ of, text, number = false, by, down, press }: Sorting) {
  const sort = by === of ? (down ? "descending" : "ascending") : "none";
  return (
    <th scope="col" class={number ? "aether-number" : ""} aria-sort={sort}>
      <button type="button" class="aether-link" onClick={() => press(of)}>
        {text}
        <span aria-hidden="true">{sort === "none" || of === "order" ? "" : down ? " ▴" : " ▾"}</span>
      </button>
    </th>
  );
}

interface RowProps {
  node: NodeShape;
  time: string;
  depth: number;
  choose: (id: string) => void;
}

/** A row that is drawn again only when it says something else: there may be a thousand. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate(next: RowProps): boolean {
    return next.node !== this.props.node || next.time !== this.props.time || next.depth !== this.props.depth;
  }

  override render({ node, time, depth, choose }: RowProps) {
    return (
      <tr data-status={node.status}>
        <th scope="row" style={{ paddingLeft: `${depth * 14}px` }}>
          <button type="button" class="aether-link" onClick={() => choose(node.id)}>
            {node.label || node.name}
          </button>
        </th>
        <td>
          <span class="aether-sign" aria-hidden="true">
            {sign(node.status)}
          </span>{" "}
          {word(node.status)}
          {node.count && `, ${counted(node.count)}`}
          {node.error && <span class="aether-muted"> {node.error}</span>}
        </td>
        <td class="aether-number">{node.attempt || ""}</td>
        <td class="aether-number">{time}</td>
      </tr>
    );
  }
}
