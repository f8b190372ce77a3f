import cluster from 'node:cluster';
import process from 'node:process';

/**
 * An instance is one process, so an app that forks one for each core is given what a fork would be: it runs as a
 * worker of a primary that is elsewhere, as `node:cluster` has it (Node.js documentation, "Cluster").
 */
export function runAsClusterWorker(): void {
  const worker = Object.assign(Object.create(process), {
    id: 1,
    process,
    isConnected: () => true,
    isDead: () => false,
  });
  Object.assign(cluster, { isMaster: false, isPrimary: false, isWorker: true, worker });
}
