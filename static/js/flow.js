// The flow diagram's life: an edge pulses when something really passes it. What passes each edge is different, so each
// has its own sign in the samples: jobs arriving, a poll done, the metric read, a decision made.

const PULSE_MS = 900;

/** Edge → has something passed between two samples? */
const PASSED = {
  "EventSource-KedaScaler": (a, b) => b.depth !== a.depth || (b.next_poll !== a.next_poll && b.depth > 0),
  "KedaScaler-MetricsAPI": (a, b) => b.external_metric !== a.external_metric,
  "MetricsAPI-HPA": (a, b) => a.next_hpa_sync !== null && b.next_hpa_sync !== null && b.next_hpa_sync - a.next_hpa_sync > 1_000,
  "HPA-FunctionPods": (a, b) => b.replicas !== a.replicas || b.desired !== a.desired,
};

/** Node → is it at work now? Lit nodes show where the story is. */
const AT_WORK = {
  EventSource: (s) => s.depth > 0,
  KedaScaler: (s) => s.scaler === "active" && s.depth > 0,
  MetricsAPI: (s) => s.external_metric > 0,
  HPA: (s) => s.desired !== null && s.desired !== s.ready,
  FunctionPods: (s) => s.in_flight > 0,
};

/** A node or an edge in the drawing, and in its twin for narrow screens. */
const marked = (kind, name) => `[data-${kind}="${name}"], [data-twin="${name}"]`;

function pulse(edge) {
  if (edge.classList.contains("pulse")) return;
  edge.classList.add("pulse");
  setTimeout(() => edge.classList.remove("pulse"), PULSE_MS);
}

/** Animates every `[data-edge]` and marks every `[data-node]` below `root`. */
export function mountFlow(model, root = document) {
  let before = null;
  model.watch((_, changed) => {
    if (!changed.has("sample")) return;
    const sample = model.sample;
    for (const [name, atWork] of Object.entries(AT_WORK)) {
      const busy = sample !== null && Boolean(atWork(sample));
      for (const node of root.querySelectorAll(marked("node", name))) node.classList.toggle("at-work", busy);
    }
    if (before && sample) {
      for (const [name, passed] of Object.entries(PASSED)) {
        if (passed(before, sample)) root.querySelectorAll(marked("edge", name)).forEach(pulse);
      }
    }
    before = sample;
  });
}
