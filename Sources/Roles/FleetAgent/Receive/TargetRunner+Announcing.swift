import Address
import Fleet
import FleetLink

// Announces to control's tracker, over the link.
extension TargetRunner {
    /// Maximum seconds between the first announces of a transfer, since many peers join at the start of a job.
    private static let soon = 5.0
    private static let later = 30.0

    /// Announces if the interval is over.
    func announceIfDue() {
        let now = context.clock.now.uptime
        guard runner != nil, !isAnnouncing, now >= nextAnnounce else { return }
        isAnnouncing = true
        let life = record.life
        let left = life.hasContent ? 0 : max(0, record.offer.content.bytes - board.now.done)
        let event = announces == 0 ? "started" : nil
        let (link, inbox, job, addresses) = (context.link, inbox, job, addresses)
        Task {
            let request = AnnounceRequest(job: job, addresses: await addresses(), left: left, event: event)
            let reply = try? await link.announce(request)
            inbox.yield(.peers(reply))
        }
    }

    func heard(_ reply: AnnounceReply?) async {
        isAnnouncing = false
        announces += 1
        let isEarly = announces < 4 && !record.life.hasContent
        let interval = reply?.interval ?? Self.later
        nextAnnounce = context.clock.now.uptime + (isEarly ? min(Self.soon, interval) : interval)
        if let reply { await runner?.addPeers(reply.peers) }
    }

    /// Announces that this host has left the swarm.
    func announceEnd() {
        guard announces > 0 else { return }
        (announces, nextAnnounce) = (0, 0)
        let request = AnnounceRequest(job: job, addresses: [], left: 0, event: "stopped", wanted: 0)
        let link = context.link
        Task { _ = try? await link.announce(request) }
    }
}
