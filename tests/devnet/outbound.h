/* What the network does by itself: it calls nodes back, checks their health, and takes back leases that ran
 * out. */
#ifndef DEVNET_OUTBOUND_H
#define DEVNET_OUTBOUND_H

struct devnet;
struct outbound;

/* Starts a thread for the calls and one for the leases. */
struct outbound *outbound_start(struct devnet *devnet);

/* Waits for the threads, after devnet.stopping was set. */
void outbound_stop(struct outbound *outbound);

#endif
