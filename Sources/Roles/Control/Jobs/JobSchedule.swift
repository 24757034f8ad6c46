import Fleet
import FleetStore

/// Moves open jobs on as time passes. Owns nothing: when a job is due, its machine says.
struct JobSchedule: Sendable {
    let database: ControlDatabase
    let open: OpenJobs
    let loader: JobLoader
    let supersession: Supersession

    /// Advances jobs whose next wave, start or expiry is due.
    func moveJobs(_ now: Double) async {
        for (id, lead) in open.leads {
            guard let machine = await loader.standing(lead)?.machine, let due = machine.due, due <= now else {
                continue
            }
            do throws(StoreError) {
                let moved = try await lead.move(by: .control(at: now)) { machine, _ in .go(machine.tick(now)) }
                if machine.state == .planned, let snapshot = moved.value, snapshot.record.state != .planned {
                    await supersession.supersede(by: snapshot)
                }
            } catch {
                database.logger.warning("a job did not move", metadata: ["job": "\(id)", "error": "\(error)"])
            }
        }
    }
}
