{%- macro stroke_type(concept) -%}
  case {{ concept }}
    when 'stroke_ischaemic' then 'IS'
    when 'stroke_intracerebral' then 'ICH'
    when 'stroke_subarachnoid' then 'SAH'
    when 'tia' then 'TIA'
    else 'U'
  end
{%- endmacro -%}

{#- First ever: no earlier episode, and a year of history that could have shown one. -#}
{%- macro first_ever(previous_on, admitted_on, first_on) -%}
  case
    when {{ previous_on }} is not null then '0'
    when date_diff('day', {{ first_on }}, {{ admitted_on }}) >= 365 then '1'
    else 'U'
  end
{%- endmacro -%}

{%- macro died_in_stay(death_on, from_on, until_on) -%}
  coalesce({{ death_on }} between {{ from_on }} and {{ until_on }}, false)
{%- endmacro -%}
