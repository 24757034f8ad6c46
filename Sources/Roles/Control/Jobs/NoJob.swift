import FleetLink

extension LinkRefusal {
    /// Of a job that is not there, or in which the node takes no part: a node cannot tell the two apart.
    static let noJob = LinkRefusal(404, "no_job", "there is no such job for this node")
}
