-- Lets a reader wait for what its own command appended: where that ends in the log, and nothing else about it.
CREATE FUNCTION es.command_position(command uuid) RETURNS TABLE (xid bigint, log_position bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    -- Before commands kept their own last position, each had a transaction of its own.
    SELECT c.xid::text::bigint,
           coalesce(c.last_position, (SELECT max(e.position) FROM es.events e WHERE e.xid = c.xid), 0)
    FROM es.commands c WHERE c.command_id = command
$$;
REVOKE EXECUTE ON FUNCTION es.command_position FROM PUBLIC;
GRANT EXECUTE ON FUNCTION es.command_position TO stentor_read;
