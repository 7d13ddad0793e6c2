-- How an agent takes calls: by hand, or at once, where the desk answers by itself.
ALTER TABLE people ADD COLUMN answers TEXT NOT NULL DEFAULT 'by_hand' CHECK (answers IN ('by_hand', 'at_once'));
