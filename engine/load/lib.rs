//! Far ends by the thousand: what `waihu bench media` measures the engine with, in a process of its own.
