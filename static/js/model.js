// What this page knows about the demo, and nothing else: no DOM, no network. Events of the stream go in, views read
// the fields and are told once a frame that something changed. Kept apart from `stream.js` so that tests can feed it.

/** The columns a graph or a test may want back; one array each, all as long as `history.t`. */
export const COLUMNS = [
  "t", "depth", "in_flight", "enqueued", "processed", "external_metric", "desired", "replicas", "ready", "starting",
  "arrival_rate", "service_rate", "wait_p95", "cpu",
];

/** The server keeps 30 minutes; so does the page. */
const KEEP_MS = 30 * 60_000;
/** Cut the front only now and then: moving 9,000 numbers at every sample would be waste. */
const CUT_EVERY = 256;
/** Without a sample for this long nothing is known of the time between: the server slept, or its clock was put forward. */
const HOLE_MS = 5_000;
/** Longest log a page keeps; the server's own list is the full one. */
const LOG_LENGTH = 200;

/** The fields that views are told of. */
const FIELDS = [
  "connection", "history", "sample", "pods", "milestones", "actions", "health", "deployment", "position", "ink",
  "deckVersion",
];

const emptyHistory = () => Object.fromEntries(COLUMNS.map((name) => [name, []]));

/** Creates a model. `schedule` defers one call to the next frame (`requestAnimationFrame` in a page). */
export function createModel(schedule) {
  const views = new Set();
  const ears = new Map();
  const dirty = new Set();
  let pending = false;
  // Offset of the server's clock to ours. A frame can only arrive late, never early, so the largest difference seen
  // is the best estimate; a jump of more than two seconds means that a clock was set.
  let offset = null;

  const model = {
    connection: "connecting",
    history: emptyHistory(),
    sample: null,
    pods: null,
    milestones: [],
    actions: [],
    health: null,
    deployment: null,
    /** Where the talk is, whole; null until the server has said it. */
    position: null,
    /** Strokes by step: `{"9.2": [[[x, y], …], …]}`. */
    ink: {},
    /** Names the content of the deck that the server shows now. */
    deckVersion: null,
    /** The server's clock now, in ms since the epoch. */
    now: () => Date.now() + (offset ?? 0),
    /**
     * Calls `view(model, changed)` at most once a frame; `changed` holds the names of the fields that did. Returns
     * what ends that, for a view whose element leaves the page.
     */
    watch(view) {
      views.add(view);
      view(model, new Set(FIELDS));
      return () => views.delete(view);
    },
    /** Health of one source by name, or null while unknown. */
    source: (name) => model.health?.find((source) => source.name === name) ?? null,
    /** The newest milestone of a kind, or null. */
    latest: (kind) => model.milestones.findLast((milestone) => milestone.kind === kind) ?? null,
    /** The newest action of a kind, or null. */
    action: (kind) => model.actions.findLast((action) => action.kind === kind) ?? null,
  };

  function changed(...names) {
    for (const name of names) dirty.add(name);
    if (pending) return;
    pending = true;
    schedule(() => {
      pending = false;
      const now = new Set(dirty);
      dirty.clear();
      for (const view of views) view(model, now);
    });
  }

  function tell(name, data) {
    for (const ear of ears.get(name) ?? []) ear(data);
  }

  function follow(t) {
    const seen = t - Date.now();
    offset = offset === null || Math.abs(seen - offset) > 2000 ? seen : Math.max(offset, seen);
  }

  function append(sample) {
    const { history } = model;
    const last = history.t.at(-1) ?? sample.t;
    if (history.t.length > 0 && sample.t <= last) return;
    // A gap, not a line across.
    if (sample.t - last > HOLE_MS) append({ t: last + 1 });
    for (const name of COLUMNS) history[name].push(sample[name] ?? null);
    if (history.t.length % CUT_EVERY !== 0) return;
    const first = history.t.findIndex((t) => t >= sample.t - KEEP_MS);
    if (first > 0) for (const name of COLUMNS) history[name].splice(0, first);
  }

  function replaceById(list, item) {
    const at = list.findIndex((other) => other.id === item.id);
    if (at >= 0) list[at] = item;
    else list.push(item);
    if (list.length > LOG_LENGTH) list.shift();
  }

  const handlers = {
    snapshot(data) {
      const columns = data.samples ?? {};
      const length = columns.t?.length ?? 0;
      model.history = Object.fromEntries(
        COLUMNS.map((name) => [name, columns[name] ? [...columns[name]] : new Array(length).fill(null)]),
      );
      model.sample = data.sample ?? null;
      model.pods = data.pods ?? null;
      model.milestones = data.milestones ?? [];
      model.actions = data.actions ?? [];
      model.health = data.health?.sources ?? data.health ?? null;
      if (data.deployment) model.deployment = data.deployment;
      if (data.deck_version) model.deckVersion = data.deck_version;
      if (data.t) follow(data.t);
      if (data.position) handlers.position(data.position);
      model.ink = data.ink ?? {};
      changed(...FIELDS.filter((name) => name !== "connection"));
    },
    sample(data) {
      follow(data.t);
      model.sample = data;
      append(data);
      changed("sample", "history");
    },
    pods(data) {
      model.pods = data.pods;
      changed("pods");
    },
    milestone(data) {
      replaceById(model.milestones, data);
      changed("milestones");
    },
    action(data) {
      const known = model.actions.find((action) => action.id === data.id);
      if (known?.ended && !data.ended) return;
      replaceById(model.actions, data);
      changed("actions");
    },
    // The answer to a press is the action as it began. It may arrive after the stream has told more of it, and then must
    // not take that back: a slow enqueueing would stand at "0 of 500" until its next job.
    begun(data) {
      if (!model.actions.some((action) => action.id === data.id)) handlers.action(data);
    },
    health(data) {
      model.health = data.sources;
      changed("health");
    },
    deployment(data) {
      model.deployment = data;
      changed("deployment");
    },
    position(data) {
      // The answer to a move may come before the stream tells of the move before it.
      if (model.position && data.seq < model.position.seq) return;
      model.position = data;
      changed("position");
      tell("position", data);
    },
    ink(data) {
      const { [data.address]: _, ...others } = model.ink;
      model.ink = data.strokes.length > 0 ? { ...others, [data.address]: data.strokes } : others;
      changed("ink");
    },
    pointer(data) {
      tell("pointer", data);
    },
    deck(data) {
      model.deckVersion = data.version;
      changed("deckVersion");
    },
  };

  return {
    model,
    /** Calls `ear(data)` at once when a `position` or a `pointer` comes: neither can wait for the next frame. */
    hear(name, ear) {
      ears.set(name, [...(ears.get(name) ?? []), ear]);
      if (model[name]) ear(model[name]);
    },
    /** Takes one event of the stream; unknown names are ignored, so that a newer server does not break an old page. */
    apply: (name, data) => handlers[name]?.(data),
    /**
     * `connecting`, `live` or `lost`. When it is lost, what was known is no longer true: the numbers go, and the graphs
     * get a gap instead of a line drawn through the unknown.
     */
    connect(state) {
      if (model.connection === state) return;
      model.connection = state;
      if (state === "lost" && model.sample) {
        append({ t: Math.max(model.now(), (model.history.t.at(-1) ?? 0) + 1) });
        model.sample = null;
        model.pods = null;
        changed("sample", "history", "pods");
      }
      changed("connection");
    },
  };
}

/** The names of the stream's events. */
export const EVENTS = ["snapshot", "sample", "pods", "milestone", "action", "health", "deployment", "position", "ink", "pointer", "deck"];
