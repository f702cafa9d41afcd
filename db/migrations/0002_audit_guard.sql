-- Finds people by the beginnings of the words in their names and addresses; spelled as in db/schema/search.ts.
CREATE INDEX "users_search_idx" ON "users" USING gin (array_to_tsvector(regexp_split_to_array(btrim(translate(lower("name" || ' ' || "email"), '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', '                                ')), ' +')));
--> statement-breakpoint
-- Whether there is another administrator.
CREATE INDEX "users_admins_idx" ON "users" USING btree ("id") WHERE "role" = 'admin';
--> statement-breakpoint
-- The audit log is append-only for everybody, its owner included: what has to go, goes through purge_audit_events().
CREATE FUNCTION refuse_audit_change() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' AND current_setting('gatehouse.purging', true) = 'on' THEN
		RETURN NULL;
	END IF;
	RAISE EXCEPTION 'Tried to % "%" and found that it is append-only: purge_audit_events() removes what is too old',
		lower(TG_OP), TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;
--> statement-breakpoint
CREATE TRIGGER "audit_events_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_events"
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
--> statement-breakpoint
CREATE TRIGGER "audit_chain_append_only" BEFORE UPDATE OR DELETE OR TRUNCATE ON "audit_chain"
FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();
--> statement-breakpoint
-- Removes at most max_rows events older than before, from the beginning of the chain, and returns how many.
-- The newest link whose event is gone stays as the anchor from which the rest of the chain verifies.
CREATE FUNCTION purge_audit_events(before timestamptz, max_rows integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
	anchor bigint;
	last bigint;
	purged integer;
BEGIN
	IF before IS NULL OR before > now() - interval '30 days' THEN
		RAISE EXCEPTION 'Tried to purge audit events up to % and found that younger ones than 30 days must stay: set AUDIT_RETENTION to more', before
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF max_rows IS NULL OR max_rows < 1 THEN
		RAISE EXCEPTION 'Tried to purge % audit events and found that at least 1 has to be asked for', max_rows
			USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT c.position - (CASE WHEN e.id IS NULL THEN 0 ELSE 1 END) INTO anchor
		FROM (SELECT position, event_id FROM audit_chain ORDER BY position LIMIT 1) c
		LEFT JOIN audit_events e ON e.id = c.event_id;
	SELECT max(position) INTO last FROM (
		SELECT position, bool_and(event_at < before) OVER (ORDER BY position) AS due
		FROM (SELECT position, event_at FROM audit_chain WHERE position > anchor ORDER BY position LIMIT max_rows) first
	) counted WHERE due;
	IF last IS NULL THEN
		RETURN 0;
	END IF;
	-- Lets the triggers through, from here to the last line of this function.
	PERFORM set_config('gatehouse.purging', 'on', true);
	DELETE FROM audit_events WHERE id IN (SELECT event_id FROM audit_chain WHERE position > anchor AND position <= last);
	GET DIAGNOSTICS purged = ROW_COUNT;
	DELETE FROM audit_chain WHERE position < last;
	PERFORM set_config('gatehouse.purging', 'off', true);
	RETURN purged;
END
$$;
--> statement-breakpoint
REVOKE ALL ON FUNCTION purge_audit_events(timestamptz, integer) FROM PUBLIC;
--> statement-breakpoint
-- What the role of the application may do; tables that this owner adds later are included. Safe to repeat.
CREATE FUNCTION grant_gatehouse_app() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
	GRANT USAGE ON SCHEMA public, drizzle TO gatehouse_app;
	GRANT SELECT ON ALL TABLES IN SCHEMA drizzle TO gatehouse_app;
	GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO gatehouse_app;
	ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO gatehouse_app;
	REVOKE UPDATE, DELETE ON audit_events, audit_chain FROM gatehouse_app;
	GRANT EXECUTE ON FUNCTION purge_audit_events(timestamptz, integer) TO gatehouse_app;
END
$$;
--> statement-breakpoint
-- Roles belong to the whole server: another database's migration may have made this one, or be making it right now.
-- An owner who may not create roles goes on without; SECURITY.md says how to add it later.
DO $$
BEGIN
	CREATE ROLE gatehouse_app NOLOGIN;
EXCEPTION
	WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END
$$;
--> statement-breakpoint
DO $$
BEGIN
	IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'gatehouse_app') THEN
		PERFORM grant_gatehouse_app();
	END IF;
END
$$;
