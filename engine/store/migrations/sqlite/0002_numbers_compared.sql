-- The digits by which two numbers are compared (PhoneNumber::subscriber), filled in by Store::open for
-- rows of before; '-' on the practice ground, where no number is a person's.
ALTER TABLE attempts ADD COLUMN subscriber TEXT;
UPDATE attempts SET subscriber = '-' WHERE campaign GLOB 'practice-[0-9]*';
CREATE INDEX attempts_by_subscriber ON attempts (subscriber);
