import Fleet

// Background announces to the other controls. They run one at a time, so that at most one connection is open for them.
extension LinkClient {
    /// Maximum number of queued announces. More are dropped: peers announce again later.
    private static let mostUntold = 64

    func tell(_ others: [ControlAddress], _ request: AnnounceRequest) {
        guard !others.isEmpty, untold.count < Self.mostUntold else { return }
        untold.append((request, others))
        guard !isTelling else { return }
        isTelling = true
        Task { await tellAll() }
    }

    private func tellAll() async {
        var used: Set<ControlAddress> = []
        while !untold.isEmpty {
            let (request, others) = untold.removeFirst()
            for control in others {
                let reply: AnnounceReply? = try? await transport.call(
                    .POST, "announce", request, at: control, patience: 5)
                if reply != nil { used.insert(control) }
            }
        }
        isTelling = false
        for address in used where address != current { await transport.release(address) }
    }
}
