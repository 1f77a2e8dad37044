"""Pure data about graphs: their shape, their order, their faults. Knows no function, no time, no storage."""
