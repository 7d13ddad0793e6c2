-- What somebody signs in with beside their password: the secret of their one-time codes, in clear or sealed
-- (`second_factor.rs`), by which key (0: in clear), since when it is asked for (null: none of its codes was seen yet), and
-- the last step of time whose code was taken. Older programs ask for no code.
ALTER TABLE people ADD COLUMN second_factor TEXT;
ALTER TABLE people ADD COLUMN second_factor_key INTEGER NOT NULL DEFAULT 0;
ALTER TABLE people ADD COLUMN second_factor_at INTEGER;
ALTER TABLE people ADD COLUMN second_factor_step INTEGER NOT NULL DEFAULT 0;
-- 1: somebody else chose their password. Of those from before it is not known, and 0.
ALTER TABLE people ADD COLUMN password_given INTEGER NOT NULL DEFAULT 0;
-- By what somebody has signed in.
ALTER TABLE sessions ADD COLUMN way TEXT NOT NULL DEFAULT 'password' CHECK (way IN ('password', 'provider'));
