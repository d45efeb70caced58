{#- Each step takes what the one before it left, and the last step leaves the patients delivered. -#}
{% test attrition_adds_up(model, patients) %}
with steps as (
    select
        *,
        lag(n_out) over (partition by hospital_id order by step_no) as left_before,
        row_number() over (partition by hospital_id order by step_no desc) as from_last
    from {{ model }}
),

delivered as (
    select hospital_id, count(*) as n_patients
    from {{ patients }}
    group by hospital_id
)

select steps.hospital_id, steps.step_no, 'does not add up' as problem
from steps
where steps.n_in - steps.n_out <> steps.n_excluded
    or steps.n_excluded < 0
    or steps.n_in <> coalesce(steps.left_before, steps.n_in)
union all
select
    coalesce(steps.hospital_id, delivered.hospital_id) as hospital_id,
    steps.step_no,
    'last step is not the patients delivered' as problem
from (select * from steps where from_last = 1) as steps
full join delivered
    on steps.hospital_id = delivered.hospital_id
where coalesce(steps.n_out, 0) <> coalesce(delivered.n_patients, 0)
{% endtest %}
