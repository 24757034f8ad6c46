extension Transfer {
    /// Limits the memory of pieces that are being received, in bytes, where several transfers share what there is. A piece is
    /// always allowed, and no more than a transfer has that is alone.
    package func setOpenBytes(_ most: Int) {
        change { engine in
            engine.machine.setOpenBytes(min(most, engine.mostOpenBytes))
        }
    }
}
