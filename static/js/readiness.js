// May a button be pressed now, and if not, why not? Pure: the model goes in, a sentence or null comes out. The server
// decides in the end; this only spares the speaker a press that must fail.

const WORDS = { deploy: "deployment", remove: "removal", enqueue: "enqueueing", spike: "announcement", purge: "purge" };

/** A queue is there if Redis answers, whoever started it (`--redis` needs no deployed demo). */
function needsQueue(model) {
  const redis = model.source("redis");
  if (!redis || redis.ok) return null;
  switch (model.deployment?.state) {
    case "absent": return "Deploy the demo first.";
    case "deploying": return "Redis is starting.";
    case "removing": return "The demo is being removed.";
    default: return "Waiting for Redis to answer.";
  }
}

function needsCluster(model) {
  const cluster = model.source("cluster");
  return cluster && !cluster.ok ? "Waiting for the cluster to answer." : null;
}

/** The last deployment broke off: something may be there, even if no workload shows. */
function leftHalf(model) {
  const [deploy, remove] = [model.action("deploy"), model.action("remove")];
  const brokeOff = ["cancelled", "failed"].includes(deploy?.state);
  return brokeOff && !(remove?.state === "done" && remove.id > deploy.id);
}

const rules = {
  deploy: (model) => needsCluster(model) ?? (model.deployment?.state === "removing" ? "The demo is being removed." : null),
  remove: (model) => needsCluster(model) ?? (model.deployment?.state === "absent" && !leftHalf(model) ? "Nothing deployed." : null),
  spike: needsQueue,
  enqueue: needsQueue,
  purge: (model) => needsQueue(model) ?? (model.sample?.depth === 0 ? "Queue is empty." : null),
};

/** Why `kind` cannot be done now, or null. */
export function blocked(kind, model) {
  if (model.connection !== "live") return "Waiting for the server.";
  if (model.action(kind)?.state === "running") return `This ${WORDS[kind]} is running.`;
  return rules[kind](model);
}
